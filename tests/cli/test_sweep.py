"""Sweeps in parallel processes, as typed: what fails is recorded and listed, the others go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor
from support import TINY

import sfmodel as package

Command = Callable[..., tuple[int, str, str]]
PARALLEL = ("run", "-m", "platform=tiny", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=runs/s")


@pytest.fixture(autouse=True)
def _new_processes() -> Iterator[None]:
    """Those of joblib stay where the first test was."""
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture(autouse=True)
def _platform(tmp_path: Path) -> None:
    path = tmp_path / "conf/platform/tiny.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(TINY, encoding="utf-8")


def test_points_run_in_processes_of_their_own(sfmodel: Command) -> None:
    status, _, complaints = sfmodel(*PARALLEL, "seed=1,2", "until='00:02','00:00:10'")

    assert status == 2
    assert "until: expected a time at or after start, 00:01, found 00:00:10" in complaints
    assert "failed so: seed=1,until=00-00-10, seed=2,until=00-00-10, in runs/s" in complaints
    assert sorted(path.parent.name for path in Path("runs/s").glob("*/MANIFEST.json")) == [
        "seed=1,until=00-02", "seed=2,until=00-02",
    ]  # fmt: skip
    record = json.loads(Path("runs/s/failed/seed=2,until=00-00-10.json").read_text())
    assert "seed=2" in record["overrides"]
    assert package.open("runs/s/seed=2,until=00-02").attrs["seed"] == 2


def test_what_failed_is_forgotten_when_it_is_made(sfmodel: Command) -> None:
    failed = Path("runs/s/failed/seed=1.json")
    failed.parent.mkdir(parents=True)
    failed.write_text(json.dumps({"error": "x", "exit_status": 1, "overrides": []}))

    status, _, complaints = sfmodel(*PARALLEL, "seed=1,2")

    assert (status, complaints) == (0, "")
    assert not failed.exists()


def test_a_launcher_that_is_not_there_is_named(sfmodel: Command) -> None:
    status, _, complaints = sfmodel("run", "-m", "platform=tiny", "hydra/launcher=jobblib", "seed=1,2")

    assert status == 2
    assert "jobblib" in complaints
    assert "joblib" in complaints.replace("jobblib", "")
