"""Sentences are made of the numbers."""

from __future__ import annotations

import numpy as np

from sfmodel.report.words import counted, course_of, joined

TIMES = np.array([72000.0, 72060.0, 72090.0])


def test_between_what_a_line_is_and_when() -> None:
    lines = {"mean": np.array([0.2, 1.5, np.nan]), "flat": np.full(3, 0.5)}
    assert course_of(TIMES, lines, "s") == (
        "mean is between 200 ms (20:00) and 1.5 s (20:01); flat is 500 ms throughout."
    )


def test_of_many_lines_those_that_move_most() -> None:
    lines = {f"l{k}": np.array([0.0, float(k), 0.0]) for k in range(5)}
    said = course_of(TIMES, lines, "% busy")
    assert "l4 is between 0 % (20:00) and 4 % (20:01)" in said
    assert "l1" not in said
    assert said.endswith("; 2 other lines move less.")


def test_of_what_was_not_measured_that_it_was_not() -> None:
    assert course_of(TIMES, {"x": np.full(3, np.nan)}, "s") == "Nothing of it was measured in this run."


def test_seconds_where_a_window_begins_within_a_minute() -> None:
    assert "(20:01:30)" in course_of(TIMES, {"x": np.array([0.0, 1.0, 2.0])}, "1")


def test_counting_and_joining() -> None:
    assert [counted(k, "run") for k in (0, 1, 2000)] == ["0 runs", "1 run", "2,000 runs"]
    assert [joined(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
