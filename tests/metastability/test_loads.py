"""What is said of loads: stable where every trigger was recovered from; of how many runs it breaks, and comes back."""

from __future__ import annotations

import math

import pytest

from sfmodel.metastability import Cell, Job, Known, MapDesign, Outcome, State, map_dataset
from sfmodel.metastability.hysteresis import Way
from sfmodel.metastability.loads import state_of_load
from sfmodel.metastability.table import said_of_loads

UP, DOWN, SELF = Outcome(State.RECOVERED, 30.0), Outcome(State.NOT_RECOVERED), Outcome(State.DOWN_BY_ITSELF)
TRIGGERS = {"lose": ["a"], "sizes": ["20 %", "60 %"], "durations": ["60 s", "240 s"]}
DESIGN = MapDesign.model_validate({"load": {"levels": [1, 2]}, "trigger": TRIGGERS})
FULL = [(size, duration_s) for size in (0.2, 0.6) for duration_s in (60.0, 240.0)]


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        pytest.param(dict.fromkeys(FULL, UP), "stable", id="all triggers"),
        pytest.param(dict.fromkeys(FULL[:3], UP), "not known", id="one of the grid is missing"),
        pytest.param({(0.2, 60.0): UP, (0.4, 60.0): UP, (0.6, 60.0): UP, (0.6, 120.0): UP}, "not known", id="others"),
        pytest.param({(0.4, 60.0): DOWN}, "vulnerable", id="one trigger is enough"),
        pytest.param(dict.fromkeys(FULL, SELF), "overloaded", id="down without any"),
        pytest.param({}, "", id="nothing has run"),
    ],
)
def test_what_a_load_is(tried: dict[tuple[float, float], Outcome], expected: str) -> None:
    seen = {Cell(1.5, *trigger): {1: outcome} for trigger, outcome in tried.items()}
    assert state_of_load(seen, 1.5, DESIGN) == expected


@pytest.mark.parametrize(("downs", "expected"), [((2,), "not known"), ((2, 3), "overloaded")])
def test_a_load_that_takes_seeds_down_by_itself_is_not_stable(downs: tuple[int, ...], expected: str) -> None:
    """One seed recovers everywhere; others, which are down without a trigger, were tried in one cell only."""
    seen = {Cell(1.5, *trigger): {1: UP} for trigger in FULL}
    seen[Cell(1.5, *FULL[0])] |= dict.fromkeys(downs, SELF) | ({3: UP} if 3 not in downs else {})
    assert state_of_load(seen, 1.5, DESIGN) == expected


def test_a_load_of_the_refinement_is_not_called_stable_and_it_is_said_why() -> None:
    known = Known(["none"])
    for trigger in FULL:
        known.tell(Job("none", Cell(1.0, *trigger), 1), UP)
        known.tell(Job("none", Cell(2.0, *trigger), 1), DOWN)
    known.tell(Job("none", Cell(1.5, 0.6, 240.0), 1), UP)
    ds = map_dataset(known, DESIGN)
    assert ds["load_state"].values.tolist() == [["stable", "not known", "vulnerable"]]
    assert list(said_of_loads(ds)) == [
        "none: stable at 1; vulnerable at 2; not known at 1.5, where not every size and duration was recovered from, or some "
        "seeds are down without a trigger."
    ]


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        pytest.param([(4, 2), (math.inf, math.nan), (3, 0)], "breaks it in 2 of 3 runs, at 3 to 4; on the way down it comes "
                     "back in 1 of 2 runs, at 2.", id="one does not break, one does not come back"),
        pytest.param([(3, 0), (3, 0)], "breaks it in 2 of 2 runs, at 3; on the way down it comes back in 0 of 2 runs.",
                     id="none comes back"),
        pytest.param([(math.inf, math.nan)], "breaks it in 0 of 1 run.", id="none breaks"),
    ],
)  # fmt: skip
def test_of_load_that_goes_up_it_is_said_how_many_runs_it_broke(turns: list[tuple[float, float]], said: str) -> None:
    known = Known(["none"])
    for seed, (breaks_at, returns_at) in enumerate(turns, 1):
        known.ways["none", seed] = Way((1, 2, 3, 4, 3, 2, 1), (1.0,) * 7, breaks_at, returns_at)
    assert list(said_of_loads(map_dataset(known, DESIGN))) == [f"none: load that goes up slowly, up to 4, {said}"]
