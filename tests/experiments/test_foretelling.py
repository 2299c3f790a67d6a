"""What is foretold of rows: a power law that is given, and one that has to be learnt."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

from foretelling import Foretelling

HEAD = "value,lower,higher,row,measured_lower,measured_higher,elasticity,low,high\n"
HERE = {"a": 10.0, "b": 2.0}


def row(a: float, b: float) -> float:
    """A row that goes with the square of a and the inverse of b: 50 at HERE."""
    return a**2 / b


@pytest.fixture
def file(tmp_path):
    def written(power_a: float, half: float):
        path = tmp_path / "sensitivity.csv"
        lines = [
            f"a,9,11,P1,{row(9, 2)},{row(11, 2)},{power_a},{power_a - half},{power_a + half}",
            f"b,1.8,2.2,P1,{row(10, 1.8)},{row(10, 2.2)},-1,{-1 - half},{-1 + half}",
            "a,9,11,P2,0,0,,,",
        ]
        path.write_text(HEAD + "\n".join(lines) + "\n")
        return path

    return written


def at(known: Foretelling, a: float, b: float) -> float:
    return float(known.at({"a": np.array([a]), "b": np.array([b])})["P1"][0])


def test_a_power_law_that_was_measured_is_foretold(file) -> None:
    known = Foretelling(file(2.0, 0.01), HERE, seeds=3)
    assert at(known, 15, 3) == pytest.approx(row(15, 3), rel=0.05)  # the middle of 9 and 11 is 9.95, not 10
    assert set(known.at({"a": np.array([15.0])})) == {"P1"}  # of a row that is 0 no power is known


def test_a_power_that_was_measured_badly_is_learnt(file) -> None:
    known = Foretelling(file(0.0, 20.0), HERE, seeds=3)
    before = at(known, 15, 2)
    assert before == pytest.approx(row(10, 2), rel=0.05)
    draw = np.random.default_rng(1)
    for _ in range(20):
        a, b = draw.uniform(7, 13), draw.uniform(1.5, 2.5)
        known.learn({"a": a, "b": b}, {"P1": row(a, b), "P2": 0.0})
    assert at(known, 15, 3) == pytest.approx(row(15, 3), rel=0.05)


def test_what_is_known_well_is_hardly_moved_by_one_run(file) -> None:
    known = Foretelling(file(2.0, 0.01), HERE, seeds=3)
    known.learn({"a": 15.0}, {"P1": 2 * row(15, 2)})
    assert at(known, 10, 2) < 1.5 * row(10, 2)
