"""Causes: the longest part of a task, what a station's time goes to, who of its holders is remembered."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from alone import Bench, fewer, of
from scipy import stats

from sfkernels import records
from sfkernels.causes import PLACES, hold, let_go, spent, used

pytestmark = pytest.mark.interpreted

NOTHING = {f"holder{place}": -1 for place in range(PLACES)}


def test_the_longest_part_and_the_longest_since_it_holds() -> None:
    bench = Bench(stations=of(records.STATION, cause=9, **NOTHING))
    bench.call(spent, i=0, seconds=2.0, cause=3)
    bench.stations["in_service"] = 1
    bench.call(hold, s=0, i=0)
    bench.call(spent, i=0, seconds=0.5, cause=4)
    bench.call(spent, i=0, seconds=0.4, cause=5)
    task = bench.tasks[0]
    assert (task["blame"], task["worst"]) == (3, 2.0)
    assert (task["held_blame"], task["held"]) == (4, 0.5)


def test_a_use_explains_waits_by_the_time_it_takes() -> None:
    """One of four uses takes 3 s, the others 1 s: half of what is drawn is its."""
    bench = Bench(stations=of(records.STATION, blame=1))
    rounds, seen = fewer(20_000, 2_000), 0
    for n in range(rounds):
        cause, seconds = (2, 3.0) if n % 4 == 0 else (1, 1.0)
        bench.call(used, s=0, cause=cause, seconds=seconds, key=np.uint64(n))
        seen += bench.stations["blame"][0] == 2
    # one that is drawn stays for some 64 uses, so that there are so many fewer independent draws
    assert seen / rounds == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(rounds / 64))


def test_each_holder_is_as_likely_to_be_remembered() -> None:
    """Six of twelve servers are held for long, six are let go and taken again: each is in a third of the samples."""
    held: Counter[int] = Counter()
    rounds = fewer(600, 60)
    for number in range(rounds):
        bench = Bench(size=256, stations=of(records.STATION, **NOTHING))
        bench.tasks["key"] = np.arange(256, dtype=np.uint64) + np.uint64(256 * number)
        inside = list(range(12))
        for n, i in enumerate(inside):
            bench.stations["in_service"] = n + 1
            bench.call(hold, s=0, i=i)
        fresh = iter(range(12, 256))
        for step in range(60):
            at = 6 + step % 6
            bench.call(let_go, s=0, i=inside[at])
            inside[at] = next(fresh)
            bench.call(hold, s=0, i=inside[at])
        remembered = [int(bench.stations[f"holder{place}"][0]) for place in range(PLACES)]
        assert len(set(remembered)) == PLACES
        held.update(inside.index(i) for i in remembered)
    seen = [held[at] for at in range(12)]
    assert sum(seen) == PLACES * rounds
    assert stats.chisquare(seen).pvalue > 0.001


def test_nobody_is_remembered_who_has_let_go() -> None:
    bench = Bench(stations=of(records.STATION, **NOTHING))
    for i in range(3):
        bench.stations["in_service"] = i + 1
        bench.call(hold, s=0, i=i)
    for i in range(3):
        bench.stations["in_service"] = 3 - i
        bench.call(let_go, s=0, i=i)
        assert i not in [bench.stations[f"holder{place}"][0] for place in range(PLACES)]
    assert (bench.stations["lost"][0], bench.stations["others_lost"][0]) == (0, 0)
