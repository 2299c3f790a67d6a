"""Coalescing against a dictionary of leaders and those who wait."""

from __future__ import annotations

import numpy as np
import pytest
from alone import INTERPRETED, Bench, fewer, linked, of
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkernels import names, records
from sfkernels.flights import find, land, land_all, ref_of, take_off, wait_for, wait_no_more

pytestmark = pytest.mark.interpreted

STEPS = st.lists(
    st.tuples(st.sampled_from(["miss", "miss", "miss", "store", "end", "stop"]), st.integers(0, 3), st.integers(0, 9)),
    max_size=25 if INTERPRETED else 80,
)


def number(bench: Bench, cache: int, row: int) -> np.uint64:
    return np.uint64(bench.call(ref_of, c=cache, row=row))


@settings(max_examples=15 if INTERPRETED else 300, deadline=None, derandomize=True)
@given(STEPS)
def test_one_leads_and_others_wait_in_order(steps: list) -> None:
    bench = Bench(size=256, caches=of(records.CACHE, 4))
    bench.tasks["flight"] = -1
    bench.ops["next"], bench.ops["other"] = 0, 0
    leads: dict[int, int] = {}
    waits: dict[int, list[int]] = {}
    coalesced = 0
    for task, (verb, key, which) in enumerate(steps):
        ref = number(bench, key, 7 * key)
        f = int(bench.call(find, ref=ref))
        assert (f >= 0) == (key in leads)
        woken: list[int] = []
        if verb == "miss":
            if f < 0:
                bench.call(take_off, i=task, ref=ref)
                leads[key], waits[key] = task, []
            else:
                assert bench.flights["leader"][f] == leads[key]
                bench.call(wait_for, f=f, i=task)
                waits[key].append(task)
        elif verb == "stop":
            if waits.get(key):
                gone = waits[key].pop(which % len(waits[key]))
                bench.call(wait_no_more, f=f, i=gone)
        elif key in leads:
            leader = leads[key]
            if verb == "store":
                bench.call(land, i=leader, f=f, stored=True)
                woken = waits.pop(key)
                del leads[key]
                coalesced += len(woken)
            else:
                # each flight it leads goes to the first who waits there, or ends: here it leads one only
                bench.call(land_all, i=leader)
                if waits[key]:
                    leads[key] = waits[key].pop(0)
                    woken = [leads[key]]
                else:
                    del leads[key], waits[key]
        assert bench.made_ready() == woken
        assert bench.caches["coalesced"].sum() == coalesced
        assert bench.clock["flights_left"][0] == 256 - len(leads)
        for k, tasks in waits.items():
            here = int(bench.call(find, ref=number(bench, k, 7 * k)))
            assert linked(bench.tasks, bench.flights["head"][here]) == tasks
            assert (bench.tasks["state"][tasks] == names.COALESCED).all()


def test_who_leads_several_passes_on_all() -> None:
    bench = Bench(size=64, caches=of(records.CACHE, 3))
    bench.tasks["flight"] = -1
    refs = [number(bench, c, c) for c in range(3)]
    for ref in refs:
        bench.call(take_off, i=9, ref=ref)
    bench.call(wait_for, f=int(bench.call(find, ref=refs[1])), i=4)
    bench.call(land_all, i=9)
    assert [int(bench.call(find, ref=ref)) >= 0 for ref in refs] == [False, True, False]
    assert bench.flights["leader"][int(bench.call(find, ref=refs[1]))] == 4
    assert bench.tasks["flight"][9] == -1
    assert bench.made_ready() == [4]


def test_keys_that_share_a_bucket_are_kept_apart() -> None:
    # 9000 flights in 4096 buckets: two in a bucket on average; every second ends
    many = fewer(9000, 300)
    bench = Bench(size=many, caches=of(records.CACHE))
    bench.tasks["flight"] = -1
    for row in range(many):
        bench.call(take_off, i=row, ref=np.uint64(row))
    for row in range(0, many, 2):
        bench.call(land_all, i=row)
    assert [int(bench.call(find, ref=np.uint64(row))) >= 0 for row in range(many)] == [
        row % 2 == 1 for row in range(many)
    ]
