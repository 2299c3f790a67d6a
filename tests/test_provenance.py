"""What a result depends on besides its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfmodel.provenance import files_named, provenance

WRITTEN = {
    "demand": {"series": {"file": "demand.csv"}},
    "platform": {"sources": {"uploads": {"file": {"file": "uploads.csv"}}}},
    "scenario": {"events": [{"set": {"services.server.endpoints.serve.steps.0.time.empirical.file": "slow.csv"}}]},
    "name": "profile",
}


def test_files_are_found_wherever_they_are_named() -> None:
    assert list(files_named(WRITTEN)) == ["demand.csv", "uploads.csv", "slow.csv"]


def test_a_file_is_known_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demand.csv").write_text("a")
    first = provenance(WRITTEN)
    assert list(first["files"]) == ["demand.csv"]
    assert provenance(WRITTEN) == first
    (tmp_path / "demand.csv").write_text("b")
    assert provenance(WRITTEN)["files"] != first["files"]
