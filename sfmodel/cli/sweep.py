"""The jobs of a sweep, wherever a launcher runs them: what each prints, and those that failed.

A job that fails leaves a record in the sweep's folder, `failed/NAME.json`: its error, and the overrides that make it again.
So the others go on, and whoever started the sweep lists them at its end, whichever process or machine they ran on.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from sfmodel.errors import SfmodelError
from sfmodel.results.disk import disk_errors

FAILED = "failed"
"""Folder of the records, in that of the sweep."""


@dataclass(frozen=True)
class Failure:
    """A job that failed."""

    name: str
    error: str
    exit_status: int


@contextmanager
def recorded(folder: Path, name: str, overrides: Sequence[str]) -> Iterator[None]:
    """Record the failure of a job in the folder of its sweep; that of the same job before is forgotten.

    Raises
    ------
    SfmodelError
        That of the job, where it cannot be recorded.
    """
    path = folder / FAILED / f"{name or 'job'}.json"
    path.unlink(missing_ok=True)
    try:
        yield
    except SfmodelError as error:
        record = {"error": str(error), "exit_status": error.exit_status, "overrides": list(overrides)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record, indent=2, ensure_ascii=False), encoding="utf-8")
        except OSError:
            raise error from None


def failures(folder: Path, since_s: float) -> list[Failure]:
    """Jobs that failed since a time (s since the epoch), by name."""
    found = []
    with disk_errors(folder):
        for path in sorted((folder / FAILED).glob("*.json")):
            if path.stat().st_mtime >= since_s:
                record = json.loads(path.read_text(encoding="utf-8"))
                found.append(Failure(path.stem, record["error"], record["exit_status"]))
    return found


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
