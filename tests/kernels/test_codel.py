"""CoDel for requests against its published rule."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from alone import Bench, of

from sfkernels.codel import sloughs
from sfkernels.records import STATION

pytestmark = pytest.mark.interpreted

MS = 1e-3


def told(waits: Sequence[tuple[float, float]]) -> list[bool]:
    """Who goes, of those with these waits, ms, at these times, ms."""
    bench = Bench(stations=of(STATION, codel_target=5 * MS, codel_interval=100 * MS, codel_begins=1))
    return [bool(bench.call(sloughs, s=0, delay=wait * MS, now=now * MS)) for now, wait in waits]


def test_nobody_goes_while_somebody_has_hardly_waited() -> None:
    """A burst: long waits, but for one in each interval."""
    waits = [(now, 4.0 if now % 90 == 0 else 80.0) for now in range(0, 1000, 10)]

    assert not any(told(waits))


def test_in_a_standing_queue_who_has_waited_two_targets_goes() -> None:
    first_interval = [
        (now, 20.0) for now in range(1, 102, 10)
    ]  # the second ends an interval of one wait, and begins the next
    then = [(112, 20.0), (120, 9.9), (130, 10.1), (140, 5.1)]

    found = told([*first_interval, *then])

    assert found[:2] == [False, False]
    assert all(found[2:11])
    assert found[11:] == [False, False, True, False]


def test_one_short_wait_ends_the_overload_with_the_interval() -> None:
    standing = [(now, 20.0) for now in range(1, 112, 10)]
    cleared = [(120.0, 0.0), (130.0, 20.0), (212.5, 20.0)]
    after = [(222.0, 20.0), (230.0, 20.0)]

    found = told([*standing, *cleared, *after])

    assert found[-5:] == [False, True, True, False, False]


def test_the_first_of_an_interval_is_served_however_long_it_waited() -> None:
    found = told([(1, 50.0), (2, 50.0), (3, 50.0), (200, 50.0), (201, 50.0)])

    assert found == [False, False, True, False, True]
