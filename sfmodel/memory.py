"""Memory: how much this process may still take, of the machine, its container, its own limit; and what if none is left."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sfmodel.errors import RunError

CONTAINER = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes", "total_inactive_file"),
)  # fmt: skip
"""Limit, use, and the part of the use that is given back when asked for: of control groups, version 2 and 1."""


@contextmanager
def memory_errors(remedy: str = "use fewer users or items, or end earlier") -> Iterator[None]:
    """Turn memory that has run out into a RunError that says what to do, the `remedy`.

    Raises
    ------
    RunError
        There is no memory left.
    """
    try:
        yield
    except MemoryError as error:
        raise RunError(f"not enough memory: {str(error) or 'none is left'}; {remedy}") from error


def available_bytes() -> int:
    """Return the bytes that can still be allocated and touched."""
    import psutil

    return max(0, min([int(psutil.virtual_memory().available), *_of_container(), *_of_process()]))


def _of_container() -> Iterator[int]:
    for limit, used, cached in CONTAINER:
        try:
            most, now = int(Path(limit).read_text()), int(Path(used).read_text())
            kept = dict(line.split() for line in Path(used).with_name("memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        yield most - now + int(kept.get(cached, 0))


def _of_process() -> Iterator[int]:
    import psutil

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        yield most - int(psutil.Process().memory_info().vms)
