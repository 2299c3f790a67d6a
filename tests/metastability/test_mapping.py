"""A map is made although runs of it fail: each is tried once, and the rest is refined without it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sfmodel.metastability import Cell, Job, Known, MapDesign, Outcome, State
from sfmodel.metastability.cells import next_cells
from sfmodel.metastability.hysteresis import Way
from sfmodel.metastability.mapping import map_until
from sfmodel.metastability.recovery import Answers
from sfmodel.metastability.runs import MapRuns, Pair, RampRun

DESIGN = MapDesign.model_validate(
    {
        "load": {"levels": [1, 2]},
        "trigger": {"lose": ["a"], "sizes": ["20 %", "60 %"], "durations": ["60 s", "240 s"]},
        "ramp": {"levels": [1, 2], "every": "60 s"},
    }
)
WORST = Cell(2.0, 0.6, 240.0)
UP, DOWN = Outcome(State.RECOVERED, 0.0), Outcome(State.NOT_RECOVERED)


class Told(MapRuns):
    """Runs nothing: everything recovers but the worst cell, and some runs fail."""

    def __init__(self, fails: Callable[[Any], bool]) -> None:
        super().__init__(DESIGN, lambda change, load: {}, Path("runs"), 1, math.inf)
        self.fails, self.made = fails, list[Any]()

    def mapping(self, wanted: Any) -> dict[str, Any]:
        return {"start": "0 s", "name": wanted.name}

    def _made(self, wanted: Sequence[Any]) -> Iterator[tuple[Any, str | None]]:
        self.made += wanted
        yield from ((one, "it broke" if self.fails(one) else None) for one in wanted)

    def _opened(self, wanted: Any) -> Any:
        return None

    def _judged(self, job: Job) -> Outcome:
        return DOWN if job.cell == WORST else UP


@pytest.fixture(autouse=True)
def _answered(monkeypatch: pytest.MonkeyPatch) -> None:
    none = np.zeros(100)
    healthy = Answers(np.arange(100) * 30.0, none, none + 0.1, none > 0)
    monkeypatch.setattr("sfmodel.metastability.runs.answers", lambda ds, rule: healthy)
    monkeypatch.setattr("sfmodel.metastability.runs.way", lambda *_: Way((1, 2, 1), (1, 1, 1), math.inf, math.nan))


def mapped(fails: Callable[[Any], bool]) -> tuple[Known, Told, dict[Any, str]]:
    known, runs = Known(["none"]), Told(fails)
    failed = map_until(DESIGN, known, runs, lambda one, reason: None, 2, 1)
    assert len(runs.made) == len(set(runs.made))  # nothing is made twice, what failed neither
    return known, runs, dict(failed)


def test_a_run_that_fails_does_not_stop_the_refinement() -> None:
    """A corner that recovers everywhere around is lost; the edge at the other one is as sharp as without."""
    lost = Job("none", Cell(1.0, 0.2, 60.0), 1)
    known, _, failed = mapped(lambda one: one == lost)
    assert set(failed) == {lost}
    assert lost.cell not in known.of("none")
    assert {Cell(1.5, 0.6, 240.0), Cell(2.0, 0.4, 240.0), Cell(2.0, 0.6, 120.0)} <= set(known.of("none"))
    assert sorted(known.of("none")[WORST]) == [1, 2]


def test_a_cell_that_failed_is_no_evidence_and_what_lies_around_it_are_neighbours() -> None:
    design = MapDesign.model_validate(
        {"load": {"levels": [1]}, "trigger": {"lose": ["a"], "sizes": [0.1, 0.2, 0.3], "durations": ["60 s"]}}
    )
    one, lost, other = (Cell(1.0, size, 60.0) for size in (0.1, 0.2, 0.3))
    seen = {one: {1: UP}, other: {1: DOWN}}
    assert set(next_cells(design, seen, {(lost, 1)}, 2, 0)) == {(one, 2), (other, 2)}
    assert set(next_cells(design, seen, {(lost, 1), (one, 2)}, 2, 0)) == {(other, 2)}
    assert next_cells(design, seen, {(lost, 1), (one, 2), (other, 2)}, 2, 1) == []  # halfway is what failed


def test_a_pair_that_fails_takes_its_cells_with_it_and_is_tried_once() -> None:
    known, runs, failed = mapped(lambda one: one == Pair("none", 1.0, 1))
    assert runs.made.count(Pair("none", 1.0, 1)) == 1
    assert {one.cell.load for one in failed if isinstance(one, Job)} == {1.0}
    assert {cell.load for cell in known.of("none")} == {2.0}
    assert Cell(2.0, 0.4, 240.0) in known.of("none")


def test_a_ramp_that_fails_is_tried_once_and_the_others_count() -> None:
    known, runs, failed = mapped(lambda one: one == RampRun("none", 1))
    assert list(known.ways) == [("none", 2)]
    assert list(failed) == [RampRun("none", 1)]
    assert runs.made.count(RampRun("none", 1)) == 1
    _, runs, _ = mapped(lambda one: isinstance(one, RampRun))
    assert sum(isinstance(one, RampRun) for one in runs.made) == 2
