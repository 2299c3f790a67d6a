"""A small run with a cascade in it, and its report."""

from __future__ import annotations

from pathlib import Path

import pytest
from diagnosis.planted import troubled

from sfmodel.report import OF_RUN, RunSubject, write_report
from sfmodel.running import run_to_folder

PLANTED = 2
"""A seed of `troubled`."""


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> RunSubject:
    """A run in which one service is in trouble for three minutes, in its folder."""
    root = tmp_path_factory.mktemp("planted")
    own = {"name": "slow", "worlds": str(root / "worlds"), "trace": {"one_in": 20}}
    run_to_folder({**troubled(PLANTED)[1], **own}, None, root)
    return RunSubject.opened(root / "slow", root)


@pytest.fixture(scope="session")
def page(planted: RunSubject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its report."""
    return write_report(planted, OF_RUN, tmp_path_factory.mktemp("page") / "report.html")
