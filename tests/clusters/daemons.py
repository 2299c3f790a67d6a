"""What tests on a cluster share: daemons in sessions of their own, the command, the processes that write its runs."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil
import xarray as xr

import sfmodel

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
SOURCES = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'kernels'}"}
SWEEP_S, STARTING_S, ENDING_S = 90.0, 60.0, 5.0
"""Most time of a sweep, until a cluster is up, and until its daemons end, s: on a machine that others use."""


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@contextmanager
def daemon(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start it in a session of its own, and end that session's processes."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            env={**os.environ, **(env or {})}, cwd=log.parent,
        )  # fmt: skip
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    of_session = [other for other in psutil.process_iter() if _session(other.pid) == process.pid]
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDING_S)
    for other in of_session:
        with suppress(psutil.NoSuchProcess):
            other.kill()
    process.wait()


def _session(process: int) -> int | None:
    try:
        return os.getsid(process)
    except OSError:
        return None


def until(true: Callable[[], T], seconds: float, what: str) -> T:
    """Ask again and again; what it says at last."""
    ends = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < ends, f"{what}: not within {seconds:g} s"
        time.sleep(0.1)
    return found


class Sweeps:
    """`sfmodel run -m` in a folder, by one Python, with these words and this environment."""

    def __init__(self, python: Path, folder: Path, words: Sequence[str], env: Mapping[str, str]) -> None:
        self.python, self.folder, self.words = python, folder, list(words)
        self.env = {**os.environ, **SOURCES, **env}

    def begin(self, *words: str, launcher: bool = True) -> subprocess.Popen[str]:
        command = [str(self.python), "-m", "sfmodel", "run", "-m", *words, *(self.words if launcher else [])]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def finish(self, begun: subprocess.Popen[str]) -> tuple[int, str]:
        """Exit status and all that was printed."""
        with ExitStack() as stack:
            stack.callback(begun.kill)
            output, _ = begun.communicate(timeout=SWEEP_S)
        assert "Traceback" not in output, output
        return begun.returncode, output

    def run(self, *words: str, launcher: bool = True) -> tuple[int, str]:
        return self.finish(self.begin(*words, launcher=launcher))

    def runs(self, sweep: str) -> list[str]:
        """Names of the finished runs of a sweep."""
        return sorted(path.parent.name for path in (self.folder / sweep).glob("*/MANIFEST.json"))

    def dataset(self, run: str) -> xr.Dataset:
        return sfmodel.open(self.folder / run).load()

    def writer(self, run: str) -> psutil.Process:
        """The process that writes a run, as soon as it does."""
        mark = self.folder / f"{run}.partial/INCOMPLETE"

        def named() -> psutil.Process | None:
            try:
                found = re.search(r"^process (\d+) on", mark.read_text(encoding="utf-8"), re.MULTILINE)
            except OSError:
                return None
            return psutil.Process(int(found[1])) if found else None

        return until(named, SWEEP_S, f"{run} is being written")
