"""The first stage of `sfmodel narrow`: which seeds it is, whatever is added to the sweep."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sfmodel.errors import ConfigError
from sfmodel.results.intervals import interval
from sfmodel.results.stein import stage_of
from sfmodel.sweeps.effects import Effects, Row
from sfmodel.sweeps.narrowing import STAGE, first_stage, seeds_needed, with_stages


def effects(values: dict[int, float], *, is_factorial: bool = False) -> Effects:
    """Of one change, by seed."""
    seeds = sorted(values)
    by_seed = np.array([values[seed] for seed in seeds])
    row = Row("a", {"x": interval(list(by_seed))}, {"x": by_seed})
    return Effects({}, is_factorial, "none", {"x": 0.0}, [row], seeds)


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
    calm, wild = effects({1: 1.0, 2: 1.1, 3: 0.9}, is_factorial=True), effects({1: 1.0, 2: 9.0, 3: -7.0})
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
