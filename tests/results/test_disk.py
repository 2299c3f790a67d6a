"""What the disk refuses is told from what a damaged dataset holds."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import zarr
from support import fill_the_disk

from sfmodel.errors import RunError
from sfmodel.results.disk import damage_errors, write_whole


def read(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Read an array whose store raises an error."""
    store = zarr.storage.MemoryStore()
    array = zarr.create_array(store, name="width", shape=(3,), dtype="f8", fill_value=0)
    array[...] = 10.0

    async def get(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(zarr.storage.MemoryStore, "get", get)
    with damage_errors():
        array[...]


def test_what_cannot_be_decoded_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match=r"width is damaged: its values cannot be read \(no such codec\)\. Copy the run"):
        read(monkeypatch, ValueError("no such codec"))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_what_the_disk_refuses_is_not_damaged(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    reason = os.strerror(number)
    with pytest.raises(RunError) as caught:
        read(monkeypatch, OSError(number, reason))
    remedy = "see that its disk is there and that you have the right to read it, and try again."
    assert str(caught.value).endswith(f"width cannot be read: {reason.lower()}; {remedy}")


def test_want_of_memory_is_not_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MemoryError):
        read(monkeypatch, MemoryError())


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "narrow.json"
    write_whole(path, "[1]")

    fill_the_disk(monkeypatch, "narrow")
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "[1, 2]")

    assert [found.name for found in tmp_path.iterdir()] == ["narrow.json"]
    assert path.read_text() == "[1]"
