"""Two meters, one that runs and one that counts at the end, on cases done by head."""

from __future__ import annotations

import numpy as np
import pytest

from sfmodel.diagnosis.straddling import compare, since_admitted, since_empty

NEVER = np.zeros(4)


def test_what_straddles_an_edge_is_made_up_for() -> None:
    """A task from 5 s to 25 s, windows of 10 s: it has run for 5, 10 and 5 s, and counts 20 s when it is over."""
    found = compare(np.array([5.0, 10, 5]), np.array([0.0, 0, 20]), np.array([0.0, 10, 20, 0]))
    assert (found.whole, found.worst, found.window) == (0, 0, -1)


def test_what_it_cannot_have_contributed_is_left() -> None:
    """The same, but 25 s are counted: 5 of them nobody has contributed."""
    found = compare(np.array([5.0, 10, 5]), np.array([0.0, 0, 25]), np.array([0.0, 10, 20, 0]))
    assert found.worst == pytest.approx(5 / 25)
    assert found.window == 2


def test_more_than_those_in_flight_can_have_is_left() -> None:
    """Nobody is there at any edge, and 10 s have run where 8 s are counted."""
    found = compare(np.array([10.0, 10, 10]), np.array([10.0, 8, 10]), NEVER)
    assert (found.worst, found.window) == (pytest.approx(0.2), 1)


def test_who_was_there_before_the_first_window_may_count_more() -> None:
    """A task that ends in the first window has run for 15 s, 10 of them before it; with nobody there before it cannot."""
    running, over = np.array([5.0, 0, 0]), np.array([15.0, 0, 0])
    assert compare(running, over, np.array([20.0, 0, 0, 0])).worst == 0
    assert compare(running, over, NEVER).worst == pytest.approx(10 / 15)


def test_a_small_error_in_every_window_adds_up() -> None:
    """One in a hundred too many, at each edge at most two tasks of 3 s: seen in 100 windows of 100 s, though in none of them."""
    running = np.full(100, 100.0)
    most = np.full(101, 6.0)
    assert compare(running, running * 1.01, most).worst > 0
    assert compare(running[:1], running[:1] * 1.01, most[:2]).worst == 0


def test_a_task_that_never_ends_is_said() -> None:
    """Two tasks are there all the time; what one of them contributes is never counted."""
    running, over, most = np.array([10.0, 10, 10]), np.zeros(3), np.full(4, 4.0)
    found = compare(running, over, most, staying=np.full(3, 2.0), width_s=np.full(3, 10.0))
    assert (found.worst, found.never_ended) == (0, 1)
    assert compare(running, over, most).worst == 1
    # two could not contribute four times as much
    assert compare(4 * running, over, most, staying=np.full(3, 2.0), width_s=np.full(3, 10.0)).worst > 0
    # and no number of them makes what was counted more than what has run
    assert compare(over, running, most, staying=np.full(3, 2.0), width_s=np.full(3, 10.0)).worst > 0


def test_of_whole_numbers_one_is_seen_among_many() -> None:
    """One task of ten billion."""
    came = np.full(100, 1e8)
    left = came.copy()
    left[50] -= 1
    assert compare(came, left, np.zeros(101), rounding=0.0).worst > 0
    assert compare(came, came, np.zeros(101), rounding=0.0).worst == 0


def test_nothing_is_nothing() -> None:
    found = compare(np.zeros(3), np.zeros(3), NEVER)
    assert (found.whole, found.explained, found.worst) == (0, 0, 0)


def test_the_oldest_came_after_the_last_moment_with_nobody() -> None:
    count, edges_s = np.array([1.0, 0, 2, 3, 0]), np.array([0.0, 10, 20, 30, 40])
    assert since_empty(count, edges_s).tolist() == [np.inf, 0, 10, 20, 0]


def test_the_oldest_of_a_fifo_queue() -> None:
    """5, 3, 4 come: of 2, 3, 5 that wait at the edges the oldest came in the first, the second, the second window."""
    count, came = np.array([0.0, 2, 3, 5]), np.array([5.0, 3, 4])
    ages = since_admitted(count, came, np.zeros(3), np.array([0.0, 10, 20, 30]))
    assert ages.tolist() == [0, 10, 10, 20]


def test_who_has_left_was_not_the_oldest_for_sure() -> None:
    """Of 4 and 4 that came 3 have left, nobody knows which: the 5 that wait may all be older than the second window."""
    ages = since_admitted(np.array([0.0, 4, 5]), np.array([4.0, 4]), np.array([0.0, 3]), np.array([0.0, 10, 20]))
    assert ages.tolist() == [0, 10, 20]


def test_what_was_there_before_and_is_not_metered_is_not_called_nothing() -> None:
    """Of what waited before the run began nobody knows for how long: 10 s of it ended within."""
    over, running = np.array([30.0, 20.0]), np.array([20.0, 20.0])
    found = compare(running, over, np.array([np.inf, 5.0, 0.0]))
    assert found.whole == 0.2
    assert found.explained == np.inf
    assert found.worst == 0
