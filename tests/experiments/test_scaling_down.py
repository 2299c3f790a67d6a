"""experiments/scaling_down.py: what a smaller platform keeps, and what a run of it shows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from support import TINY

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

import scaling_down
from scaling_down import Cell, Job, read_all, shrunk

from sfmodel.cli.compose import composed
from sfmodel.rows import Row
from sfmodel.running import checked
from sfmodel.schema import Run

PLATFORM = TINY + "trace: {one_in: 0}\n"
TIME = {"id": "T", "title": "Time", "measure": "mean(endpoint[server.serve])", "unit": "s", "at_most": "0.2 s"}
ROW = Row.model_validate({"id": "R", "title": "t", "measure": "x", "at_least": 1, "at_most": 3})


def streamflow(k: float) -> Run:
    return checked(shrunk(composed([]), k))


def test_of_the_same_size_it_is_the_same_platform() -> None:
    assert streamflow(1).platform == checked(composed([])).platform


@pytest.mark.parametrize("k", [3, 10, 100])
def test_everything_shared_is_divided_and_nothing_of_one_user(k: int) -> None:
    full, small = checked(composed([])).platform, streamflow(k).platform
    assert small.users is not None
    assert full.users is not None
    assert small.users.sessions.rate == pytest.approx(full.users.sessions.rate / k)
    assert small.users.think == full.users.think
    assert small.services["llm"].limiters["quota"].rate == pytest.approx(
        full.services["llm"].limiters["quota"].rate / k
    )
    assert small.services["gateway"].limiters["clients"] == full.services["gateway"].limiters["clients"]
    for name, service in full.services.items():
        for key, station in service.stations.items():
            servers = small.services[name].stations[key].servers
            if station.servers == "unlimited":
                assert servers == "unlimited"
            else:
                assert servers == max(1, round(station.servers / k))
        if service.memory is not None:
            assert small.services[name].memory.limit == pytest.approx(service.memory.limit / k)


def test_contention_slows_a_smaller_pool_as_much_at_the_same_utilisation() -> None:
    full, small = (run.platform.services["profile"].stations["database"] for run in (streamflow(1), streamflow(10)))
    assert full.servers == 10 * small.servers

    def slowdown(station: Any, utilisation: float) -> float:
        n = station.servers * utilisation
        return 1 + station.contention.serial * n + station.contention.crosstalk * n**2

    for utilisation in (0.3, 0.9):
        assert slowdown(small, utilisation) == pytest.approx(slowdown(full, utilisation))


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[int, str]]:
    folder = tmp_path_factory.mktemp("scaling")
    files = {"platform/tiny.yaml": PLATFORM, "rows/tiny.yaml": yaml.safe_dump({"window": "30 s", "rows": [TIME]})}
    for name, text in files.items():
        path = folder / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def execute(*words: str) -> tuple[int, str]:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
            patch.chdir(folder)
            status = scaling_down.main(
                [*words, "--jobs", "1", "--seeds", "2", f"--folder={folder}/kept", "platform=tiny"]
            )
        return status, said.getvalue()

    execute.folder = folder / "kept"  # type: ignore[attr-defined]
    return execute


def test_one_server_of_a_tenth_of_the_load_is_slower_than_ten(call: Callable[..., tuple[int, str]]) -> None:
    # Erlang C at 80 %: 0.12 s with ten servers, 0.5 s with one
    status, said = call("--scales", "1,10")
    assert status == 0
    assert "4 of 4 runs are to be made" in said
    cells = read_all([Row.model_validate(TIME)], [Job(k, s, ()) for k in (1, 10) for s in (1, 2)], call.folder)  # type: ignore[attr-defined]
    assert cells[1]["T"].survives
    assert not cells[10]["T"].survives
    assert cells[10]["T"].mean > 2 * cells[1]["T"].mean
    assert "1 of 1" in said
    assert {path.suffix for path in call.folder.glob("scaling_down.*")} == {".md", ".csv", ".svg", ".png"}  # type: ignore[attr-defined]
    assert "0 of 4 runs are to be made" in call("--scales", "1,10")[1]


def test_an_unknown_platform_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert scaling_down.main(["platform=tinny"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_differences_are_welchs() -> None:
    same = Cell(ROW, (1.0, 2.0, 3.0))
    assert not same.differs_from(Cell(ROW, (1.5, 2.5, 3.5)))
    # means 2 and 4, variances 1 and 1, three each: t = 2 / sqrt(2/3) = 2.45 < 2.776 at 4 degrees of freedom
    assert not same.differs_from(Cell(ROW, (3.0, 4.0, 5.0)))
    # means 2 and 4.5: t = 3.06
    assert same.differs_from(Cell(ROW, (3.5, 4.5, 5.5)))
    assert np.isnan(Cell(ROW, ()).mean)
    assert not Cell(ROW, ()).survives


def test_kept_values_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "3-1.json").write_text(json.dumps({"R": 2.0, "other": 1.0}))
    cells = read_all([ROW], [Job(3, 1, ()), Job(3, 2, ())], tmp_path)
    assert cells[3]["R"].values == (2.0,)
