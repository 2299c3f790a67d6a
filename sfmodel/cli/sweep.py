"""A sweep: what is planned before the first job; the jobs, wherever a launcher runs them; what is said at the end.

A job that fails leaves a record in the sweep's folder, `failed/NAME.json`: its error, and the overrides that make it again.
So the others go on, and whoever started the sweep lists them at its end, whichever process or machine they ran on.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sfmodel.cli.compose import FirstJob, Jobs
from sfmodel.errors import ConfigError, RunError, SfmodelError
from sfmodel.results.disk import disk_errors, write_whole
from sfmodel.sweeps import Point, Sweep, finished_runs_of, point_of, read_sweep
from sfmodel.sweeps.record import check_same, fingerprint, made_of

if TYPE_CHECKING:
    from hydra.conf import HydraConf

FAILED = "failed"
"""Folder of the records, in that of the sweep."""

STARTED = "multirun.yaml"
"""File that Hydra's own sweeper writes into a sweep's folder before the first job."""


MOST_DEATHS = 5
"""Of processes in one sweep."""


def plan(words: Sequence[str], jobs: Jobs) -> Sweep:
    """Return what a sweep is to be.

    Parameters
    ----------
    words
        Of the command line.
    jobs
        Their overrides.

    Raises
    ------
    ConfigError
        There are no points; two have the same folder.
    """
    if jobs.first is None:
        raise ConfigError(f"the sweep has no points: {_empty(words)}; give each key at least one value")
    keys = [text.lstrip("+~").partition("=")[0] for text in jobs.fixed]
    points = [point_of(overrides, keys) for overrides in jobs.overrides]
    _check_names(points)
    config = jobs.first.config
    return Sweep(list(words), jobs.fixed, points, jobs.overrides[0], config, made_of(config), _fingerprints(jobs.first))


def begin(sweep: Sweep, root: Path, compose: Callable[[Sequence[str], Iterable[str]], FirstJob]) -> None:
    """Record a sweep in its folder, or go on with the one that is there.

    Parameters
    ----------
    sweep
        As it was planned.
    root
        Folder of the sweep.
    compose
        Composes the overrides of a first job, alone and with each of several files.

    Raises
    ------
    ConfigError
        The folder holds another sweep.
    """
    before = read_sweep(root)
    if before is not None:
        config, with_files = sweep.config, sweep.with_files
        if before.first != sweep.first:
            first = compose(before.first, before.with_files)
            config, with_files = first.config, _fingerprints(first)
        check_same(before, sweep, config, with_files, root)
    sweep.write(root)


def _fingerprints(first: FirstJob) -> dict[str, str]:
    return {text: fingerprint(config) for text, config in first.with_files.items()}


def _empty(words: Sequence[str]) -> str:
    return next(
        (f"'{word}' is empty" for word in words if re.search(r"=(range\(|glob\(|$)", word)), "a key has no values"
    )


def _check_names(points: Sequence[Point]) -> None:
    by_name: dict[str, Point] = {}
    for point in points:
        other = by_name.setdefault(point.name, point)
        if other is not point:
            if other.values == point.values:
                raise ConfigError(f"the sweep has the same point twice, {point.name}; give each value once")
            one, two = (",".join(f"{key}={value}" for key, value in found.values.items()) for found in (other, point))
            raise ConfigError(
                f"the sweep has two points with the same folder, {point.name}: {one} and {two}; "
                "let name differ too, or put the values into files of a group"
            )


def until_no_process_dies(run: Callable[[], None]) -> None:
    """Run a sweep again, which makes what is missing, where the death of a process ended it.

    Raises
    ------
    RunError
        They die one after another.
    """
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    for _ in range(MOST_DEATHS):
        try:
            return run()
        except TerminatedWorkerError:
            print("sfmodel: a process of the sweep was killed; what it had not finished runs again", file=sys.stderr)
    raise RunError(
        f"processes of the sweep were killed {MOST_DEATHS} times: there may not be enough memory for as many at a time; "
        "fewer: hydra.launcher.n_jobs=1"
    )


@cache
def end_with_parent() -> None:
    """End this process soon after the one that started it has gone: whoever goes on with the sweep wants its folders.

    Once for all jobs of a process. It may have lost its parent already: joblib's know who that was.
    """
    started_by = multiprocessing.parent_process()
    parent = os.getppid() if started_by is None else started_by.pid
    threading.Thread(target=_end_when_orphan, args=[parent], name=_WATCH, daemon=True).start()


def _end_when_orphan(parent: int | None) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)


_WATCH = "sfmodel: end with parent"
"""Name of the thread that looks."""
_LOOK_EVERY_S = 0.2


def report(root: Path, sweep: Sweep) -> str:
    """Say how much of a sweep is there, and how to read it."""
    finished = sum(run is not None for run in finished_runs_of(sweep, root).values())
    of = f"{finished} of {len(sweep.points)} points finished in {root}"
    return f"sweep: {of}" + (f"   one dataset: sfmodel.open_sweep('{root}')" if finished else "")


@dataclass(frozen=True)
class Failure:
    """A job that failed."""

    name: str
    error: str
    exit_status: int


def entered(settings: HydraConf) -> Path:
    """Work where the sweep was started, wherever a launcher's process began; return the sweep's folder, seen from there.

    Raises
    ------
    RunError
        This machine has a folder of its own under that path, or none: nobody would find results there.
    """
    folder, home = Path(settings.sweep.dir), Path(settings.runtime.cwd)
    writes_it = "BasicSweeper" in settings.sweeper["_target_"]
    if not home.is_dir() or (writes_it and not (folder / STARTED).is_file()):
        raise RunError(
            f"{socket.gethostname()} does not have the sweep's folder {folder}; start the sweep in a folder that every "
            "machine has under the same path"
        )
    if settings.job.chdir:
        return folder
    os.chdir(home)
    return folder.relative_to(home) if folder.is_relative_to(home) else folder


@contextmanager
def recorded(folder: Path, name: str, overrides: Sequence[str]) -> Iterator[None]:
    """Record the failure of a job in the folder of its sweep; that of the same job before is forgotten.

    Raises
    ------
    SfmodelError
        That of the job, where it cannot be recorded.
    """
    path = folder / FAILED / f"{name}.json"
    path.unlink(missing_ok=True)
    try:
        yield
    except SfmodelError as error:
        record = {"error": str(error), "exit_status": error.exit_status, "overrides": list(overrides)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(record, indent=2, ensure_ascii=False))
        except OSError:
            raise error from None


def forget_failures(folder: Path) -> None:
    """Remove what is recorded of jobs that failed: those that are not finished are about to run again.

    Raises
    ------
    RunError
        The folder cannot be written.
    """
    with disk_errors(folder):
        for path in (folder / FAILED).glob("*.json"):
            path.unlink(missing_ok=True)


def failures(folder: Path) -> list[Failure]:
    """Jobs that failed, by name; a record that cannot be read is its own error."""
    return [_failure(path) for path in sorted((folder / FAILED).glob("*.json"))]


def _failure(path: Path) -> Failure:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Failure(path.stem, str(record["error"]), int(record["exit_status"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Failure(path.stem, "what went wrong was not recorded whole, such as on a full disk; free space there", 1)


@contextmanager
def in_few_words(name: str) -> Iterator[None]:
    """Let a job beside others print how far it is in plain lines, and no more of its results than that they are there."""
    with redirect_stderr(_Plain()), redirect_stdout(io.StringIO()):
        yield
    print(f"{name}: finished", flush=True)


class _Plain(io.TextIOBase):
    """Standard error as what is no terminal: several jobs that redraw their lines would write over each other."""

    def write(self, text: str) -> int:
        """Pass the text on."""
        return sys.__stderr__.write(text) if sys.__stderr__ is not None else len(text)

    def flush(self) -> None:
        """Pass it on now."""
        if sys.__stderr__ is not None:
            sys.__stderr__.flush()
