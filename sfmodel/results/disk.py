"""What the disk refuses, as a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sfmodel.errors import RunError, SfmodelError


@contextmanager
def disk_errors(where: object) -> Iterator[None]:
    """Turn an error of the disk under `where` into a RunError that says what to do.

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
        raise RunError(
            f"{place} cannot be written: {reason}; free space there or choose another folder for runs. "
            "Finished runs are untouched."
        ) from error
