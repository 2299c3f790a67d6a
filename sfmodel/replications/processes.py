"""Processes that make replications: each makes one, so that one that is killed costs only itself."""

from __future__ import annotations

import contextlib
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from sfmodel.interrupts import interrupts_later
from sfmodel.live import Report
from sfmodel.memory import available_bytes
from sfmodel.plan import Plan
from sfmodel.world import total_bytes

Say = Callable[[str, int | None], object]
"""Takes a sentence, and the seed that it is about; none: all."""

COMMAND = (sys.executable, "-P", "-m", "sfmodel.replications.worker")

_LOOK_S = 0.5
"""An interrupt that another thread was given is seen by the main one within this time."""

PATIENCE_S = 10.0
"""From being told to end to being killed: time to keep the windows that are finished."""


def how_many(asked: int | None, wanted: int, plan: Plan) -> int:
    """Processes at a time: as asked, else as many as there is work, cores and memory for."""
    most = min(cores(), available_bytes() // total_bytes(plan)) if asked is None else asked
    return max(1, min(wanted, most))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Processes:
    """Makes replications, so many at a time; when it is left, however that is, none is under way any more.

    Parameters
    ----------
    at_a_time
        How many.
    say
        Told what the user should know.
    """

    def __init__(self, at_a_time: int, say: Say) -> None:
        """Start nothing yet."""
        self._say = say
        self._pool = ThreadPoolExecutor(at_a_time)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._ended = False

    def __enter__(self) -> Processes:
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End what is under way; it keeps its windows, unless that takes too long."""
        with interrupts_later():  # until all have ended their folders are not to be touched
            with self._lock:
                self._ended = True
                running = list(self._running)
            for process in running:
                process.terminate()
            if running:
                self._say(f"ending what is under way, within {PATIENCE_S:.0f} s", None)
            _end(running)
            self._pool.shutdown(cancel_futures=True)

    def make(
        self,
        mappings: Mapping[int, Mapping[str, Any]],
        root: Path,
        reports: Mapping[int, Report],
        until: float = math.inf,
    ) -> Iterator[tuple[int, str | None]]:
        """Make replications and yield the seed of each that has ended, with the reason if it failed.

        Parameters
        ----------
        mappings
            Configuration of each, by seed.
        root
            Folder in which their folders appear.
        reports
            Told of the state of each while it goes on.
        until
            When to stop waiting for them, by the monotonic clock, s.
        """
        running = {
            self._pool.submit(self._one, seed, mapping, root, reports[seed]): seed for seed, mapping in mappings.items()
        }
        under_way = set(running)
        while under_way and time.monotonic() < until:
            done, under_way = wait(under_way, _LOOK_S, FIRST_COMPLETED)
            for future in done:
                yield running[future], future.result()

    def _one(self, seed: int, mapping: Mapping[str, Any], root: Path, report: Report) -> str | None:
        """Make one; the reason if it failed."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
            try:
                process = self._start(complaints)
            except OSError as refused:
                return f"its process cannot be started: {(refused.strerror or str(refused)).lower()}"
            if process is None:
                return "it was not begun"
            with process:
                report(0.0, "begun")
                _hand_over(process, {"mapping": mapping, "root": root.absolute()})
                error = _follow(process.stdout or (), report, lambda line: self._pass_on(line, seed))
            with self._lock:
                self._running.discard(process)
            complaints.seek(0)
            return _reason(process.returncode, error, complaints.read())

    def _pass_on(self, line: str, seed: int) -> None:
        if not self._ended:  # what one that is told to end says is said of all of them
            self._say(line, seed)

    def _start(self, complaints: Any) -> subprocess.Popen[bytes] | None:
        """Start a process that Ctrl-C does not reach; none where all have been told to end."""
        with self._lock:
            if self._ended:
                return None
            process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # the same packages as here
                start_new_session=True,
            )
            self._running.add(process)
            return process


def _hand_over(process: subprocess.Popen[bytes], job: Mapping[str, Any]) -> None:
    """Say what to make; the pipe stays open, since its end tells the process that this one is gone."""
    assert process.stdin is not None
    try:
        process.stdin.write(pickle.dumps(job))
        process.stdin.flush()
    except BrokenPipeError:  # it has ended already: its exit status says why
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Wait for processes that were told to end, and kill those that do not."""
    latest = time.monotonic() + PATIENCE_S
    for process in processes:
        try:
            process.wait(max(0.0, latest - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def _follow(lines: Iterable[bytes], report: Report, say: Callable[[str], object]) -> str | None:
    """Pass on what a process says until it ends; the error that it names."""
    error = None
    for line in lines:
        message = json.loads(line)
        error = message.get("error", error)
        if "share" in message:
            report(message["share"], message["state"])
        if "said" in message:
            say(message["said"])
    return error


def _reason(status: int, error: str | None, complaints: str) -> str | None:
    if status == 0:
        return None
    if error is not None:
        return error
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}, as by a machine that is out of memory"
    said = [line for line in complaints.splitlines() if line.strip()]
    return said[-1] if said else f"it ended with status {status} and no message"
