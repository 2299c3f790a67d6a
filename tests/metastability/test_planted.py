"""What theory says of the planted platform, found: where it is vulnerable, what recovers, and where it breaks and comes back."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sfmodel.metastability import Cell, State, map_dataset
from sfmodel.metastability.loads import state_of_load

from .in_memory import mapped
from .planted import CAPACITY, write

pytestmark = pytest.mark.filterwarnings("ignore:the run has not settled")  # it is down by itself


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_vulnerable_loads_are_those_of_theory() -> None:
    """With r = 2 a queue empties below 100/3 = 33/s; at 28 and 40 the margin is a sixth, ten standard deviations of the
    arrivals of five minutes. A trigger of 90 % for 30 s leaves 10/s of 28/s, so that more than a second's work waits."""
    write(Path(), attempts=3, levels="28, 40, 85, 110", sizes="90 %", durations="30 s", horizon="10 min")
    known, design, _ = mapped(seeds=1)
    assert [state_of_load(known.of("none"), load, design) for load in (28, 40, 85, 110)] == [
        "stable", "vulnerable", "vulnerable", "overloaded",
    ]  # fmt: skip


def test_without_retries_it_always_recovers() -> None:
    write(Path(), attempts=1, levels="40, 60", sizes="90 %", durations="30 s", horizon="10 min")
    known, design, _ = mapped(seeds=1)
    assert {one.state for seeds in known.of("none").values() for one in seeds.values()} == {State.RECOVERED}
    # after 30 s with a tenth of the servers 30 × (λ − 10) calls wait, which are worked off at 100 − λ a second, until no
    # more than a second's work waits
    for load in (40, 60):
        expected = (30 * (load - 10) - CAPACITY) / (CAPACITY - load)
        found = known.of("none")[Cell(load, 0.9, 30.0)][1].seconds
        # windows of 10 s, of which the first that is back begins up to one later; arrivals of half a minute: 15 %
        assert expected * 0.85 - 10 <= found <= expected * 1.15 + 20
    assert design.horizon == 600


def test_what_is_too_small_to_bring_it_down_is_recovered_from_at_once() -> None:
    """A tenth of the servers gone leaves 90/s of 60/s asked: nobody waits a second."""
    write(Path(), levels="60", sizes="10 %, 90 %", durations="30 s")
    known, _, _ = mapped(seeds=1)
    assert known.of("none")[Cell(60, 0.1, 30.0)][1].seconds == 0
    assert known.of("none")[Cell(60, 0.9, 30.0)][1].state == State.NOT_RECOVERED


def test_an_intervention_without_retries_makes_the_same_loads_stable() -> None:
    write(Path(), levels="60", sizes="90 %", durations="30 s", horizon="10 min")
    known, design, _ = mapped(["none", "once"], seeds=1)
    ds = map_dataset(known, design)
    assert ds["load_state"].sel(load=60).values.tolist() == ["vulnerable", "stable"]
    assert math.isinf(ds["median_time"].sel(change="none").item())


def test_hysteresis_is_that_of_theory_within_a_step() -> None:
    """Two hundred wait at most, which is two seconds. Up it breaks at μ, where more than a second's work waits. Down it comes
    back below μ/3 = 33/s: at 35/s requests make 105 calls a second, at 30/s 90, so that a hundred of those who wait are worked
    off in some ten seconds."""
    levels = "20, 25, 30, 35, 40, 60, 80, 90, 100, 110"
    ramp = f"ramp: {{levels: [{levels}], every: 3 min}}"
    write(Path(), levels="20", sizes="10 %", durations="30 s", queue="200", ramp=ramp)
    known, design, _ = mapped(seeds=1)
    way = known.ways["none", 1]
    assert way.breaks_at in (100, 110)  # at 100, which is all of the capacity, it depends on the seed how soon
    assert way.returns_at in (30, 35)  # 105 of 100 is so little more that chance may bring it back
    ds = map_dataset(known, design)
    assert ds["returns_at"].sel(change="none").values.tolist() == [way.returns_at]


def test_hysteresis_is_none_without_retries() -> None:
    levels = "40, 60, 80, 90, 110"
    ramp = f"ramp: {{levels: [{levels}], every: 3 min}}"
    write(Path(), attempts=1, levels="40", sizes="10 %", durations="30 s", queue="200", ramp=ramp)
    known, _, _ = mapped(seeds=1)
    way = known.ways["none", 1]
    assert (way.breaks_at, way.returns_at) == (110, 90)  # a hundred of those who wait are worked off in ten seconds


def test_runs_are_spent_at_the_edge() -> None:
    """Between 10 % and 90 % gone, at 60/s, it begins to wait at 40 %: there a cell is added, with all seeds; not at 20/s,
    where everything recovers."""
    write(Path(), levels="20, 60", sizes="10 %, 90 %", durations="30 s")
    known, _, runs = mapped(seeds=2, depth=1)
    seeds = {cell: sorted(found) for cell, found in known.of("none").items()}
    assert seeds[Cell(20, 0.1, 30)] == [1]  # all of its neighbours recover
    assert seeds[Cell(60, 0.1, 30)] == seeds[Cell(60, 0.9, 30)] == seeds[Cell(20, 0.9, 30)] == [1, 2]
    assert Cell(60, 0.5, 30) in seeds  # halfway along sizes
    assert Cell(40, 0.9, 30) in seeds  # halfway along loads
    assert Cell(20, 0.5, 30) not in seeds
    assert len(runs.made) == len(set(runs.made))  # nothing is made twice
