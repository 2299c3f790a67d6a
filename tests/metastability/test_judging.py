"""Medians and intervals by hand; what recovery is; which cell is next; what a bad file says."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sfmodel.errors import ConfigError
from sfmodel.metastability import Cell, MapDesign, Outcome, State
from sfmodel.metastability.cells import edges, next_cells
from sfmodel.metastability.design import Recovery, design_of
from sfmodel.metastability.hysteresis import _turns
from sfmodel.metastability.recovery import Answers, outcome
from sfmodel.results.survival import median_s, probability

RULE = Recovery.model_validate({"window": "10 s", "windows": 2, "failing": "2 %", "slow": 1.5, "up": "90 %"})
UP, DOWN, SELF = Outcome(State.RECOVERED, 30.0), Outcome(State.NOT_RECOVERED), Outcome(State.DOWN_BY_ITSELF)


def design(**more: object) -> MapDesign:
    trigger = {"lose": ["services.a.stations.b.servers"], "sizes": ["20 %", "60 %"], "durations": ["60 s", "240 s"]}
    return MapDesign.model_validate({"load": {"levels": [1, 2]}, "trigger": trigger, **more})


def answers(failing: list[float], p95_s: list[float] | None = None, waits: bool = False) -> Answers:
    time_s, shares = np.arange(len(failing)) * 10.0, np.array(failing)
    return Answers(time_s, shares, np.array(p95_s or [0.1] * len(failing)), waits & np.isnan(shares))


def test_a_median_with_censored_runs_is_kaplan_and_meiers() -> None:
    """Of 10, 30, 50 and two censored at 100: 4/5, 3/5, 2/5 are left, so that the median is 50. With one censored at 20 the
    steps are 3/4 at 10, and 3/4 × 1/2 = 3/8 at 30."""
    assert median_s([10, 30, 50], [100, 100]) == 50
    assert median_s([10, 30], [20, 100]) == 30
    assert median_s([10, 30], [100, 100]) == 30  # half have recovered at 30
    assert math.isinf(median_s([10], [100, 100]))
    assert math.isinf(median_s([], [100]))
    assert math.isnan(median_s([], []))


def test_the_interval_is_clopper_and_pearsons() -> None:
    """Of 3 of 3 the lower end p has p³ = 2.5 %; of 1 of 2 (1 − p)² = 97.5 %, and the upper end is as far from 1."""
    assert probability(3, 3) == pytest.approx((1, 0.025 ** (1 / 3), 1))
    low = 1 - math.sqrt(0.975)
    assert probability(1, 2) == pytest.approx((0.5, low, 1 - low))
    assert all(math.isnan(one) for one in probability(0, 0))


@pytest.mark.parametrize(
    ("failing", "p95_s", "expected"),
    [
        pytest.param([0, 0, 0.5, 0.5, 0.5, 0, 0, 0], None, Outcome(State.RECOVERED, 10.0), id="back after a window"),
        pytest.param([0, 0, 0.5, 0.5, 0.5, 0, 0.5, 0], None, DOWN, id="back for one window only"),
        pytest.param([0, 0, 0.5, 0.5, 0.025, 0.025, 0, 0], None, Outcome(State.RECOVERED, 0.0), id="as bad as the pair"),
        pytest.param([0, 0, 0.5, 0.5, math.nan, math.nan, math.nan, 0], None, DOWN, id="nothing ends"),
        pytest.param([0, 0, 0.5, 0.5, math.nan, math.nan, 0, 0], None, Outcome(State.RECOVERED, 20.0), id="in the end"),
        pytest.param([0, 0, 0.5, 0.5, 0, 0, 0, 0.5], None, DOWN, id="back, and down again at the end"),
        pytest.param([0, 0, 0.5, 0.5, 0, 0, 0.5, 0.5, 0, 0], None, Outcome(State.RECOVERED, 40.0), id="back, down, back"),
        pytest.param([0, 0, 0.5, 0.5, 0.04, 0, 0, 0], None, Outcome(State.RECOVERED, 10.0), id="from a window that is back"),
        pytest.param([0] * 8, [0.1] * 4 + [0.16] * 4, DOWN, id="slow"),
        pytest.param([0] * 8, [0.1] * 4 + [0.14] * 4, Outcome(State.RECOVERED, 0.0), id="not so slow"),
    ],
)  # fmt: skip
def test_recovery_is_being_as_the_pair_is(failing: list[float], p95_s: list[float] | None, expected: Outcome) -> None:
    pair = answers([0, 0, 0, 0.01, 0, 0, 0, 0])
    assert outcome(answers(failing, p95_s), pair, 20.0, 40.0, RULE) == expected


def test_who_is_not_asked_is_not_down() -> None:
    """Windows in which nothing comes say nothing; those in which something comes and nothing ends are no answer."""
    none, run = math.nan, answers([0] * 8)
    for seldom in ([0, 0, none, none, none, 0, none, none], [0, 0, 0.5, none, 0, 0, none, 0]):
        assert outcome(run, answers(seldom), 20.0, 40.0, RULE) != SELF
    assert outcome(run, answers([0, 0, 0.5, none, 0.5, 0, 0, 0]), 20.0, 40.0, RULE) == SELF
    assert outcome(run, answers([0, 0, none, none, 0, 0, 0, 0], waits=True), 20.0, 40.0, RULE) == SELF


def test_one_odd_window_of_the_pair_does_not_excuse_a_run_that_is_down() -> None:
    """Beside 40 % that fail in one window, 20 % over two, 30 % in every window are no recovery, nor is 0.4 s beside 0.1 s."""
    pair = answers([0, 0, 0, 0, 0.4, 0, 0, 0], [0.1] * 4 + [0.3] + [0.1] * 3)
    assert outcome(answers([0, 0, 0.5, 0.5, *[0.3] * 4]), pair, 20.0, 40.0, RULE) == DOWN
    assert outcome(answers([0] * 8, [0.4] * 8), pair, 20.0, 40.0, RULE) == DOWN
    odd = answers([0, 0, 0.5, 0.5, 0, 0.4, 0, 0])  # as odd, at another time
    assert outcome(odd, pair, 20.0, 40.0, RULE) == Outcome(State.RECOVERED, 0.0)


def test_a_pair_beside_itself_has_recovered_also_where_often_nothing_ends() -> None:
    pair = answers([0, 0, 0, math.nan, 0.05, math.nan, 0, 0.08])
    assert outcome(pair, pair, 20.0, 40.0, RULE) == Outcome(State.RECOVERED, 0.0)
    more = answers([0, 0, 0, math.nan, 0, math.nan, math.nan, math.nan])
    assert outcome(more, pair, 20.0, 40.0, RULE).state == State.NOT_RECOVERED


def test_a_pair_that_is_down_says_nothing_of_the_trigger() -> None:
    pair = answers([0, 0, 0, 0, 0.5, 0.5, 0, 0])
    assert outcome(answers([0] * 8), pair, 20.0, 40.0, RULE).state == State.DOWN_BY_ITSELF


def test_the_coarse_grid_is_first() -> None:
    assert len(next_cells(design(), {}, set(), 3, 1)) == 8
    assert {seed for _, seed in next_cells(design(), {}, set(), 3, 1)} == {1}


def test_only_cells_at_an_edge_get_more_seeds_and_then_a_cell_between() -> None:
    """Everything recovers but the largest trigger at the higher load."""
    every = [Cell(load, size, d) for load in (1.0, 2.0) for size in (0.2, 0.6) for d in (60.0, 240.0)]
    worst = Cell(2.0, 0.6, 240.0)
    seen = {cell: {1: DOWN if cell == worst else UP} for cell in every}
    beside = {Cell(1.0, 0.6, 240.0), Cell(2.0, 0.2, 240.0), Cell(2.0, 0.6, 60.0)}
    assert {cell for pair in edges(seen) for cell in pair} == {worst, *beside}
    assert set(next_cells(design(), seen, set(), 2, 1)) == {(cell, 2) for cell in (worst, *beside)}
    for cell in (worst, *beside):
        seen[cell][2] = seen[cell][1]
    between = {Cell(1.5, 0.6, 240.0), Cell(2.0, 0.4, 240.0), Cell(2.0, 0.6, 120.0)}  # √(60 × 240)
    assert {cell for cell, _ in next_cells(design(), seen, set(), 2, 1)} == between
    for cell in between:
        seen[cell] = {1: DOWN, 2: DOWN}
    assert next_cells(design(), seen, set(), 2, 1) == []  # as deep as asked for
    assert next_cells(design(), seen, set(), 2, 0) == []


def test_seeds_that_end_differently_are_an_edge() -> None:
    every = [Cell(load, size, d) for load in (1.0, 2.0) for size in (0.2, 0.6) for d in (60.0, 240.0)]
    seen = {cell: {1: UP} for cell in every}
    seen[every[0]] = {1: UP, 2: UP, 3: DOWN}
    assert next_cells(design(), seen, set(), 4, 1) == [(every[0], 4)]


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        ([1, 1, 0.5, 0.5, 0.4, 1, 1], (3, 2)),  # the third, on the way up, is down; the sixth, of load 2, is up again
        ([1, 1, 1, 1, 1, 1, 1], (math.inf, math.nan)),
        ([1, 1, 1, 0.1, 0, 0, 0], (4, 0)),
    ],
)
def test_where_it_breaks_and_comes_back(answered: list[float], expected: tuple[float, float]) -> None:
    assert _turns((1, 2, 3, 4, 3, 2, 1), answered, 0.9) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"load": {"levels": [2, 1]}}, "load.levels: expected values that rise, found 2, 1"),
        ({"horizon": "60 s"}, "horizon: expected at least 150 s"),
        ({"trigger": {"sizes": ["1 %"], "durations": ["1 s"]}}, "this trigger changes nothing"),
        ({"trigger": {"lose": ["a"], "sizes": [2], "durations": ["1 s"]}}, "expected at most 100 % of what is lost"),
    ],
)
def test_a_mistake_in_a_design_is_said(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        design(**change)


def test_a_platform_without_a_design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"write conf/metastability/chain\.yaml"):
        design_of("chain")


def test_streamflows_design_is_right() -> None:
    found = design_of("streamflow")
    assert found.recovery.endpoints == ("gateway.recommendations",)
