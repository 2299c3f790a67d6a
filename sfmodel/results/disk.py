"""What the disk refuses, and what a damaged dataset holds, as a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

from sfmodel.errors import RunError, SfmodelError


@contextmanager
def disk_errors(where: object, instead: str = "another folder for runs") -> Iterator[None]:
    """Turn an error of the disk under `where` into a RunError that says what to do, or what to choose `instead`.

    Raises
    ------
    RunError
        The disk is full, or may not be written.
    """
    try:
        yield
    except (SfmodelError, BrokenPipeError):
        raise
    except OSError as error:
        place = str(where).removeprefix("file://")
        reason = (error.strerror or str(error)).lower()
        remedy = "make its folder first" if isinstance(error, FileNotFoundError) else "free space there"
        raise RunError(
            f"{place} cannot be written: {reason}; {remedy} or choose {instead}. Finished runs are untouched."
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a text file in one step: whoever reads it finds what it was or what it is.

    Raises
    ------
    OSError
        The disk is full, or may not be written; nothing is left.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def damage_errors() -> Iterator[None]:
    """Turn what Zarr raises where the bytes of a dataset are not what they were into a RunError.

    A dataset is read when its values are asked for, so this may be anywhere. An error counts if it passed through the
    reading of a Zarr array, which also tells the array. Want of memory or of permission is no damage.

    Raises
    ------
    RunError
        Values of a dataset cannot be read.
    """
    try:
        yield
    except (SfmodelError, MemoryError):
        raise
    except Exception as error:
        array = _array_read(error.__traceback__)
        if array is None:
            raise
        if isinstance(error, OSError) and error.strerror:
            raise RunError(
                f"{array} cannot be read: {error.strerror.lower()}; see that its disk is there and that you have the "
                "right to read it, and try again."
            ) from error
        raise RunError(
            f"{array} is damaged: its values cannot be read ({error}). "
            "Copy the run again from where it was made, or run it again."
        ) from error


def _array_read(traceback: TracebackType | None) -> str | None:
    """Path of the Zarr array that was being read when an error was raised; none: it came from elsewhere."""
    for frame, _ in walk_tb(traceback):
        if frame.f_globals.get("__name__") == "zarr.core.array":
            path = getattr(frame.f_locals.get("self"), "store_path", None)
            if path is not None:
                return str(path).removeprefix("file://")
    return None
