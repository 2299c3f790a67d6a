"""The first stage of `sfmodel narrow`: which seeds it is, whatever is added to the sweep."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import fill_the_disk

from sfmodel.cli import main
from sfmodel.errors import ConfigError, RunError
from sfmodel.results.folder import MANIFEST, SUMMARY
from sfmodel.results.intervals import interval
from sfmodel.results.stein import stage_of
from sfmodel.sweeps import Point, Sweep
from sfmodel.sweeps.effects import Effects, Kind, Row
from sfmodel.sweeps.narrowing import STAGE, first_stage, seeds_needed, with_stages


def effects(values: dict[int, float], kind: Kind = "beside") -> Effects:
    """Of one change, by seed."""
    seeds = sorted(values)
    by_seed = np.array([values[seed] for seed in seeds])
    row = Row("a", {"x": interval(list(by_seed))}, {"x": by_seed})
    return Effects({}, kind, "none", {"x": 0.0}, [row], seeds)


def test_the_first_stage_is_its_seeds_and_not_as_many_of_the_first(tmp_path: Path) -> None:
    first = {10: 1.0, 11: 2.0, 12: 4.0}
    stage = first_stage(tmp_path, list(first))
    wanted = seeds_needed([effects(first)], stage, "x", 1.0)

    extended = effects({**{seed: 0.1 * seed for seed in range(1, 10)}, **first})
    again = first_stage(tmp_path, extended.seeds)
    assert again == [10, 11, 12]
    assert seeds_needed([extended], again, "x", 1.0) == wanted
    [found] = with_stages([extended], again, "x")
    own = stage_of(np.array(list(first.values())))
    assert found.rows[0].sizes["x"].half == pytest.approx(own.reach() / np.sqrt(12))


def test_each_effect_of_a_design_has_its_own_stage() -> None:
    calm, wild = effects({1: 1.0, 2: 1.1, 3: 0.9}, kind="factorial"), effects({1: 1.0, 2: 9.0, 3: -7.0})
    both = Effects({}, True, "", {"x": 0.0}, [*calm.rows, *wild.rows], [1, 2, 3])
    [found] = with_stages([both], [1, 2, 3], "x")
    assert [row.sizes["x"].half for row in found.rows] == pytest.approx([row.sizes["x"].half for row in both.rows])


def test_a_first_stage_that_is_not_there_any_more_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / STAGE).write_text(json.dumps([1, 2, 3]))
    with pytest.raises(ConfigError, match=r"seed 2 of the first stage, which .*narrow.json lists, is not in the sweep"):
        first_stage(tmp_path, [1, 3, 4])


def test_too_few_seeds_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the sweep has 2 seeds.*seed=1,2,3"):
        first_stage(tmp_path, [1, 2])


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"replications": 3},
            "narrow: it adds seeds, one a run; make the sweep with seed=1,2,3 and without replications",
        ),
        (
            {},
            "1 points of the sweep are not finished, or failed, the first is a,2; go on with it first, sfmodel run resume=",
        ),
    ],
)
def test_a_sweep_whose_seeds_cannot_be_added_to_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: dict[str, int], said: str
) -> None:
    points = [Point(f"a,{seed}", {"intervention": "a", "seed": str(seed)}) for seed in (1, 2)]
    Sweep(["-m"], [], points, [], {"platform": {"name": "p"}, **config}, {}).write(tmp_path)
    finished = tmp_path / points[0].name
    finished.mkdir()
    (finished / MANIFEST).write_text("{}")
    (finished / SUMMARY).write_text(json.dumps({"run": {"seed": 1}, "whole": {}}))

    assert main(["narrow", str(tmp_path), "--figure", "x", "--half", "1"]) == 2
    assert said in capsys.readouterr().err


def test_the_first_stage_is_kept_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fill_the_disk(patch, "narrow.json")
        with pytest.raises(RunError, match="no space left on device"):
            first_stage(tmp_path, [1, 2, 3])
    assert not list(tmp_path.iterdir())

    assert first_stage(tmp_path, [1, 2, 3, 4]) == [1, 2, 3, 4]
    assert first_stage(tmp_path, [1, 2, 3, 4, 5]) == [1, 2, 3, 4]
