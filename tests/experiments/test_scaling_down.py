"""experiments/scaling_down.py: what a smaller platform keeps, and what a run of it shows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.stats import t, ttest_ind
from support import TINY

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

import scaling_down
from scaling_down import Cell, Job, cells_of, different, keep, kept_values, shrunk

from sfmodel.cli import main
from sfmodel.cli.compose import composed
from sfmodel.errors import ConfigError
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

    def slowdown(station: Any, n: float) -> float:
        """Of each of n in service: the universal scalability law, as docs/model.md has it."""
        return 1 + station.contention.serial * (n - 1) + station.contention.crosstalk * n * (n - 1)

    for n in (3, 9):
        c = full.contention
        alone = 9 * (c.serial + c.crosstalk * 10 * n)  # ten times n slow each other by nine others more than n do
        assert slowdown(full, 10 * n) - slowdown(small, n) == pytest.approx(alone)


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
    folder = call.folder  # type: ignore[attr-defined]
    found = {Job(k, s, ()): json.loads((folder / f"{k}-{s}.json").read_text()) for k in (1, 10) for s in (1, 2)}
    cells = cells_of([Row.model_validate(TIME)], {job: kept["values"] for job, kept in found.items()})
    assert cells[1]["T"].survives
    assert not cells[10]["T"].survives
    assert cells[10]["T"].mean > 2 * cells[1]["T"].mean
    assert "1 of 1" in said
    assert {path.suffix for path in folder.glob("scaling_down.*")} == {".md", ".csv", ".svg", ".png"}
    assert "0 of 4 runs are to be made" in call("--scales", "1,10")[1]


def test_an_unknown_platform_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert scaling_down.main(["platform=tinny"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_was_made_with_another_configuration_is_refused(call: Callable[..., tuple[int, str]]) -> None:
    before = {path: path.read_text() for path in call.folder.glob("*.json")}  # type: ignore[attr-defined]
    status, said = call("--scales", "1", "platform.sources.arrivals.rate=70/s")
    assert status == 1
    assert "0 of 2 runs are to be made" in said
    assert "1-2.json was made with another configuration, or cut short; remove it, or choose another" in " ".join(
        said.split()
    )
    assert {path: path.read_text() for path in before} == before


def test_a_run_at_full_scale_is_used_where_its_configuration_is_the_same(tmp_path: Path, call: Any) -> None:
    with chdir(call.folder.parent):
        words = ("platform=tiny",)
        with redirect_stdout(StringIO()):
            assert main(["run", *words, "seed=1", "name=baseline-1", "trace.one_in=100"]) == 0
        values = kept_values(Job(1, 1, words), tmp_path, Path("runs"))
        kept = json.loads((call.folder / "1-1.json").read_text())["values"]
        assert values == pytest.approx(kept)
        assert json.loads((tmp_path / "1-1.json").read_text())["values"] == values
        other = Job(1, 1, (*words, "until=2 min"))
        with pytest.raises(
            ConfigError, match=r"runs/baseline-1 was made with another configuration; name another folder"
        ):
            kept_values(other, tmp_path / "none", Path("runs"))


def cell(values: tuple[float, ...], row: Row = ROW) -> Cell:
    """A row that each of its runs shows."""
    return Cell(row, values, len(values))


def test_the_p_value_is_welchs() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(0, 1, 5), random.normal(1, 3, 4)
    expected = ttest_ind(a, b, equal_var=False).pvalue
    assert cell(tuple(a)).p_value(cell(tuple(b))) == pytest.approx(expected)
    same = cell((1.0, 1.0))
    assert (same.p_value(same), same.p_value(cell((2.0, 2.0)))) == (1.0, 0.0)
    assert [same.p_value(cell(values)) for values in ((), (1.0,), (1.0, np.inf))] == [None] * 3


def at(p: float) -> tuple[float, ...]:
    """Three values of variance 1 whose mean differs from that of 1, 2, 3 with this p-value."""
    return tuple(np.array([1.0, 2.0, 3.0]) + t.isf(p / 2, 4) * np.sqrt(2 / 3))


def cells_at(*p: float) -> dict[int, dict[str, Cell]]:
    rows = [ROW.model_copy(update={"id": f"R{k}"}) for k in range(len(p))]
    full = {row.id: cell((1.0, 2.0, 3.0), row) for row in rows}
    return {1: full, 10: {row.id: cell(at(value), row) for row, value in zip(rows, p, strict=True)}}


@pytest.mark.parametrize(
    ("p", "names"),
    [
        ((0.04,), {"R0"}),
        ((0.04, 0.5), set()),  # 5 % of two is 2.5 %
        ((0.02, 0.04), {"R0", "R1"}),  # the second of two at 5 %
        ((0.001, 0.03, 0.04), {"R0"}),  # at 1.7 %, 2.5 %, 5 %: the second is not, so the third is not asked
    ],
)
def test_differences_are_at_5_percent_over_all_comparisons(p: tuple[float, ...], names: set[str]) -> None:
    assert different(cells_at(*p)) == {(10, name) for name in names}


def test_without_full_scale_nothing_differs() -> None:
    cells = cells_at(0.001)
    del cells[1]
    assert different(cells) == set()


def test_where_a_value_is_infinite_each_is_judged() -> None:
    assert np.isnan(cell(()).mean)
    assert not cell(()).survives
    never = cell((1.0, np.inf), Row.model_validate({"id": "R", "title": "t", "measure": "x", "above": 3}))
    assert not never.survives


def test_what_one_seed_does_not_show_does_not_survive() -> None:
    assert cell((2.0, 2.0)).survives
    assert not Cell(ROW, (2.0, 2.0), 3).survives


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    job = Job(10, 1, ("platform=mmc",))
    keep(job, tmp_path, {"R": 2.0, "other": np.inf})
    assert kept_values(job, tmp_path, None) == {"R": 2.0, "other": np.inf}
    assert kept_values(Job(10, 2, job.overrides), tmp_path, None) is None
    assert cells_of([ROW], {job: {"R": 2.0}, Job(10, 2, ()): {}})[10]["R"].values == (2.0,)
    (tmp_path / job.file).write_text('{"config": ')
    with pytest.raises(ConfigError, match="was made with another configuration, or cut short; remove it"):
        kept_values(job, tmp_path, None)
