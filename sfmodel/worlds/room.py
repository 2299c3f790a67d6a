"""Room for worlds. Who makes a world or goes on from it holds its lock; what nobody holds goes where room is wanted, the longest
unused first."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sfmodel.results.disk import disk_errors

FACTS = "world.json"
"""File that a world has when everything else of it is written; its time is that of the last use."""

PARTIAL = ".partial"
"""End of the name of a world that is being written."""
GONE = ".gone"
"""End of the name of one that is being removed."""
_SHARE = 0.5
"""Share of the disk's free room that worlds take where nobody says how much they may."""

Say = Callable[[str], object]


class Lock:
    """The lock of a world, held until it is closed or nobody has it any more; use as a context manager."""

    def __init__(self, world: Path) -> None:
        """Open its file."""
        path = _called(world, ".lock")
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)

    def take(self, how: int) -> None:
        """Take it as `fcntl.flock` does."""
        assert self._descriptor is not None
        fcntl.flock(self._descriptor, how)

    def close(self) -> None:
        """Give it back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Lock:
        """Return the lock itself."""
        return self

    def __exit__(self, *why: object) -> None:
        """Give it back."""
        self.close()

    def __del__(self) -> None:
        """Give it back."""
        self.close()


def _called(world: Path, end: str) -> Path:
    """What belongs to a world, also to one that is being written or removed."""
    return world.with_name(world.name.removesuffix(PARTIAL).removesuffix(GONE) + end)


def in_use(world: Path) -> Lock:
    """The lock of a world that is not to be removed, held until it is closed; waits while another process makes it.

    Raises
    ------
    RunError
        The folder cannot be written.
    """
    lock = _opened(world)
    lock.take(fcntl.LOCK_SH)
    return lock


def to_make(world: Path) -> Lock | None:
    """The lock of a world that nobody else makes or uses, held until it is closed; none: somebody does.

    Raises
    ------
    RunError
        The folder cannot be written.
    """
    lock = _opened(world)
    try:
        lock.take(fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _opened(world: Path) -> Lock:
    with disk_errors(world.parent, "another folder for worlds"):
        world.parent.mkdir(parents=True, exist_ok=True)
        return Lock(world)


def used_now(world: Path) -> None:
    """Note that a world is used."""
    os.utime(world / FACTS)


def make_room(folder: Path, wanted: float, limit: float | None, say: Say | None = None) -> None:
    """Remove worlds that nobody holds until so many more bytes are within the limit, or none is left.

    Parameters
    ----------
    folder
        Where worlds are kept.
    wanted
        Bytes to come.
    limit
        Bytes of all worlds; none: half of what the disk has free with none of them there.
    say
        Told what was removed.

    Raises
    ------
    RunError
        A world cannot be removed.
    """
    with disk_errors(folder, "another folder for worlds"):
        for left in folder.glob(f"*{GONE}"):
            _removed(left)
        sizes = {path: _size(path) for path in folder.iterdir() if path.is_dir()}
        taken = sum(sizes.values())
        most = (shutil.disk_usage(folder).free + taken) * _SHARE if limit is None else limit
        removed = 0
        for path in sorted(sizes, key=_last_used):
            if taken + wanted <= most:
                break
            if _removed(path):
                taken -= sizes[path]
                removed += 1
    if removed and say is not None:
        say(
            f"{removed} worlds in {folder} were removed, the longest unused: together they may take {most / 1e9:.3g} GB"
        )


def take_away(world: Path) -> None:
    """Remove a world, or what is left of one, if there is any; its lock is held.

    It is renamed first: whoever is killed on the way leaves a whole world, or none under its name.
    """
    gone = _called(world, GONE)
    if world != gone:
        shutil.rmtree(gone, ignore_errors=True)
        with suppress(FileNotFoundError):
            world.rename(gone)
    with suppress(FileNotFoundError):
        shutil.rmtree(gone)


def _removed(world: Path) -> bool:
    """Whether nobody holds a world, so that it was removed, if only by another process."""
    with Lock(world) as lock:
        try:
            lock.take(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        take_away(world)
    return True


def _size(world: Path) -> int:
    """Bytes of what is there; another process may write or remove it meanwhile."""
    size = 0
    for folder, _, names in os.walk(world):
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(folder, name).stat().st_size
    return size


def _last_used(world: Path) -> float:
    """Time of the last use, s since the epoch; what was never finished comes first."""
    try:
        return (world / FACTS).stat().st_mtime
    except FileNotFoundError:
        return 0.0
