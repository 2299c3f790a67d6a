"""What is kept of how many seeds a sweep needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import fill_the_disk

from sfmodel.errors import RunError
from sfmodel.sweeps.narrowing import first_stage


def test_the_first_stage_is_kept_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fill_the_disk(patch, "narrow.json")
        with pytest.raises(RunError, match="no space left on device"):
            first_stage(tmp_path, [1, 2, 3])
    assert not list(tmp_path.iterdir())

    assert first_stage(tmp_path, [1, 2, 3, 4]) == [1, 2, 3, 4]
    assert first_stage(tmp_path, [1, 2, 3, 4, 5]) == [1, 2, 3, 4]
