"""The command `sfmodel`, called in an empty folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sfmodel.cli import main

Result = tuple[int, str, str]


@pytest.fixture
def sfmodel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Call the command in an empty folder; return (exit status, output, complaints)."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Result:
        capsys.readouterr()
        status = main(words)
        output, complaints = capsys.readouterr()
        assert "Traceback" not in complaints
        return status, output, complaints

    return call
