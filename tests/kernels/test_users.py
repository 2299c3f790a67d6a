"""Users and their sleep: who a session is, what its requests are, what an answer leads to; the sleepers' wheel."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from alone import INTERPRETED, Bench, fewer, of

from sfkernels import names, records
from sfkernels.advance import _rename
from sfkernels.keys import user_of
from sfkernels.sleepers import RETRYING, THINKING, open_slot, sleep_until
from sfkernels.users import answered, new_request

pytestmark = pytest.mark.interpreted


def bench_of(size: int = 4096, mean: float = 4.0, **population: Any) -> Bench:
    """Two types (a quarter, the rest) of one and two classes (weights 1 and 3); thinks 1 s, tries again after 0.25 s."""
    chunks = size  # each slot takes one at least
    bench = Bench(
        names.SLOT_S, size,
        population=of(records.POPULATION, count=1000, items=50, clusters=1, skew=1, types_count=2, think=0, after=1,
                      patience=-1, slow=np.inf, salt=77, **population),
        types=of(records.SESSION_TYPE, 2, upto=[0.25, 1], requests=mean, first=[0, 1], count=[1, 2]),
        requests=of(records.REQUEST, 3, upto=[1, 0.25, 1], endpoint=0, priority=[0, 1, 2], views=[0, 1, 0]),
        endpoints=of(records.ENDPOINT, uses_item=1), request_meters=of(records.REQUEST_METER, 3),
        durations=of(records.DURATION, 3, kind=names.CONSTANT, a=[1, 0.25, 0.5]), sources=of(records.SOURCE),
        sleepers=of(records.SLEEPER, chunks * names.CHUNK),
        chunk_next=np.append(np.arange(1, chunks), -1).astype(np.int32),
        slot_head=np.full(names.NS, -1, np.int32), slot_fill=np.zeros(names.NS, np.int32),
    )  # fmt: skip
    bench.clock["chunks_left"] = chunks
    return bench


def request(bench: Bench, session: int, turn: int = 1, retries: int = 0) -> int:
    user = bench.call(user_of, session=np.uint32(session))
    return int(bench.call(new_request, session=np.uint32(session), user=user, turn=turn, retries=retries))


def test_a_request_belongs_to_its_session() -> None:
    bench = bench_of()
    tasks = bench.tasks
    for session in range(30):
        first, again, second = request(bench, session), request(bench, session, retries=1), request(bench, session, 2)
        assert tasks["user"][first] == tasks["user"][second] < 1000
        # a retry is about the same item and class; its draws are its own
        for field in ("item_id", "request", "user"):
            assert tasks[field][first] == tasks[field][again]
        assert tasks["key"][first] != tasks["key"][again]
        # one type of session for all of it
        assert (tasks["request"][first] == 0) == (tasks["request"][second] == 0)
    assert bench.request_meters["requests"].sum() == 90
    assert bench.request_meters["retries"].sum() == 30
    assert bench.clock["requests"][0] == 90


def test_types_and_classes_come_as_often_as_they_should() -> None:
    # type one: 1/4 → class 0; else classes 1 and 2 as 1 : 3
    count = fewer(4000, 400)
    bench = bench_of(size=count)
    found = np.bincount([bench.tasks["request"][request(bench, s)] for s in range(count)], minlength=3) / count
    expected = np.array([0.25, 0.75 * 0.25, 0.75 * 0.75])
    assert (abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / count)).all()


@pytest.mark.parametrize("skew", [1.0, 2.0])
def test_activity(skew: float) -> None:
    # the user of a session is ⌊N·U^skew⌋: below x·N with probability x^(1/skew)
    count = fewer(4000, 400)
    bench = bench_of(size=count)
    bench.population["skew"] = skew
    users = np.array([bench.tasks["user"][request(bench, s)] for s in range(count)])
    for x in (0.1, 0.5, 0.9):
        p = x ** (1 / skew)
        assert abs((users < x * 1000).mean() - p) < 5 * np.sqrt(p * (1 - p) / count)


def test_whose_the_sessions_are_may_change() -> None:
    # a session that is in the calendar already is the user's that it would be if it came there now
    bench = bench_of()
    for session in range(20):
        node = int(bench.clock["node_free"][0])
        bench.call(
            sleep_until, time=0.05, session=np.uint32(session), turn=np.int64(2), retries=np.int64(0),
            why=np.int64(THINKING),
        )  # fmt: skip
        assert bench.nodes["user"][node] == bench.call(user_of, session=np.uint32(session))
    before = bench.nodes["user"][:20].copy()
    bench.population["skew"] = 2.0
    bench.call(_rename)
    assert (bench.nodes["user"][:20] != before).all()
    assert sorted(bench.nodes["user"][:20]) == sorted(bench.call(user_of, session=np.uint32(s)) for s in range(20))


def answer(
    bench: Bench, took: float, outcome: int, retries: int = 0, session: int = 3, turn: int = 1
) -> dict[str, int]:
    """Meters and clock after one answer."""
    bench.now = 0.0
    i = request(bench, session, turn, retries)
    bench.now = took
    bench.call(answered, i=i, outcome=outcome)
    meters = {name: int(bench.request_meters[name].sum()) for name in ("abandoned", "given_up", "views", "views_lost")}
    clock = {name: int(bench.clock[name][0]) for name in ("thinking", "retrying", "sessions_ended")}
    return meters | clock


def only(**counts: int) -> dict[str, int]:
    zero = ("abandoned", "given_up", "views", "views_lost", "thinking", "retrying", "sessions_ended")
    return dict.fromkeys(zero, 0) | counts


LONG: dict[str, Any] = {"mean": 1e9}
"""Sessions that go on."""


def test_what_an_answer_leads_to() -> None:
    sure = {"retry": 1.0, "attempts": 1}
    assert answer(bench_of(**LONG), 0.1, names.OK) in (only(thinking=1), only(thinking=1, views=1))
    assert answer(bench_of(mean=1.0), 0.1, names.OK)["sessions_ended"] == 1
    assert answer(bench_of(**LONG, **sure), 0.1, names.ERROR) == only(retrying=1)
    assert answer(bench_of(**LONG, **sure), 0.1, names.ERROR, retries=1)["given_up"] == 1
    assert answer(bench_of(**LONG), 0.1, names.ERROR)["thinking"] == 1
    assert answer(bench_of(**LONG, leave_failure=1.0), 0.1, names.ERROR)["sessions_ended"] == 1
    slow = bench_of(**LONG, leave_slow=1.0)
    slow.population["slow"] = 0.5
    assert answer(slow, 0.5, names.OK)["sessions_ended"] == 0
    assert answer(slow, 0.51, names.OK)["sessions_ended"] == 1


def test_who_has_left_does_not_come_back() -> None:
    # patience of 0.5 s: an answer at exactly 0.5 s is in time
    for took, gone in ((0.5, 0), (0.51, 1)):
        bench = bench_of(**LONG)
        bench.population["patience"] = 2
        after = answer(bench, took, names.OK)
        assert (after["abandoned"], after["sessions_ended"], after["thinking"]) == (gone, gone, 1 - gone)


def test_a_view_is_lost_exactly_where_it_would_have_happened() -> None:
    for session in range(40):
        benches = [bench_of(**LONG) for _ in range(2)]
        for bench in benches:
            bench.requests["views"] = 0.5
        good, bad = (answer(b, 0.1, o, session=session) for b, o in zip(benches, (names.OK, names.ERROR), strict=True))
        assert good["views"] == bad["views_lost"]
        assert good["views_lost"] == bad["views"] == 0


def test_a_closed_user_goes_on_after_the_last_number() -> None:
    bench = bench_of(mean=1.0, closed=1)
    assert answer(bench, 0.0, names.OK, session=3, turn=65535)["thinking"] == 1
    ((_, session, packed),) = slept(bench, 2.0)
    assert (session % 1000, packed >> 16) == (3, 1)
    assert session != 3
    assert bench.tasks["user"][request(bench, session, 1)] == 3


def slept(bench: Bench, until: float) -> list[tuple[float, int, int]]:
    """Events of users who wake before a time, opening each slot as it comes."""
    found = []
    while bench.clock["slot"][0] * names.SLOT_S <= until:
        bench.call(open_slot)
        found += bench.events((float(bench.clock["slot"][0]) - 0.5) * names.SLOT_S)
    return found


@pytest.mark.parametrize("horizon", [1.0, *([] if INTERPRETED else [100.0, 2500.0])])
def test_sleepers_wake_on_time(horizon: float) -> None:
    # up to more than two turns of the wheel, which is 1024 s; many at the same time wake by session and request
    chance = random.Random(int(horizon))
    count = fewer(3000, 60)
    bench = bench_of(size=4096)
    sleepers = []
    for session in range(count):
        time = chance.choice([chance.random(), chance.randrange(9) / 8]) * horizon
        turn, retries, why = chance.randrange(1, 60000), chance.randrange(4), chance.choice([THINKING, RETRYING])
        bench.call(sleep_until, time=time, session=np.uint32(session), turn=turn, retries=retries, why=why)
        sleepers.append((time, session, turn << 16 | retries << 8 | why))
    sleepers.sort(key=lambda sleeper: (sleeper[0], sleeper[1]))
    assert slept(bench, horizon + 1) == sleepers
    assert bench.clock["thinking"][0] + bench.clock["retrying"][0] == count
    assert bench.clock["chunks_left"][0] == len(bench.chunk_next)
    assert bench.clock["nodes_left"][0] == len(bench.nodes)
