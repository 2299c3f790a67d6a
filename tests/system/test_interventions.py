"""The shipped interventions at work, on a StreamFlow that is small enough for a test."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from support import totals

from sfmodel.cli.compose import composed

SMALL = (
    "users=1M", "items=100k", "demand.level=0.05", "start='16:00'", "warmup=30 s", "until='16:05'",
)  # fmt: skip
SLOW_LLM = "platform.services.llm.stations.provider.speed=0.1"
"""4 s and more; its client gives up after 30 s."""


_ENGINE = "platform.services.engine.stations"
OVERLOADED = (
    "demand.level=0.1",
    f"{_ENGINE}.cpu.servers=1",
    f"{_ENGINE}.cpu.speed=0.2",
    f"{_ENGINE}.workers.servers=4",
)
"""An engine that has more to do than it can."""


GIVE_UP = "platform.services.gateway.endpoints.assemble.steps.recommend.cancel=true"


def evening(*overrides: str) -> dict[str, Any]:
    return totals(composed([*SMALL, *overrides]))


def test_the_engine_goes_on_without_a_slow_llm() -> None:
    found = evening(SLOW_LLM, "intervention=[llm_timeout]", "intervention.llm_timeout.timeout=1s")
    timeouts = sum(
        found["call_outcomes"][site]["timeout"]
        for site in ("engine.recommend>llm.describe", "engine.explain>llm.explain")
    )
    assert timeouts > 5
    assert found["llm_fallback"] == timeouts
    assert 0 < found["llm_rule"] <= found["llm_fallback"]
    assert found["endpoint_outcomes"]["engine.recommend"]["timeout"] == 0


def test_without_it_the_engine_waits() -> None:
    found = evening(SLOW_LLM)
    assert found["call_outcomes"]["engine.recommend>llm.describe"]["timeout"] == 0
    assert "llm_fallback" not in found


def test_a_timeout_that_never_comes_changes_nothing() -> None:
    """No LLM call takes as long as an hour: with such a timeout, or a longer one, everything stays the same."""
    timeout = "platform.services.engine.endpoints.recommend.steps.describe.timeout=1h"
    assert evening(timeout) == evening()
    one_hour, two_hours = (
        evening("intervention=[llm_timeout]", f"intervention.llm_timeout.timeout={time}") for time in ("1h", "2h")
    )
    assert one_hour == two_hours
    assert one_hour["llm_fallback"] == 0


# I1

SLOW_ENGINE = ("platform.services.engine.stations.cpu.servers=1", "platform.services.engine.stations.cpu.speed=0.05")
"""A miss takes 2.3 s of the only core, and one and more come in that time."""


def test_the_newest_first_keeps_goodput_in_overload() -> None:
    """As Maurer says of LIFO: what waits longest is what nobody waits for any more. A miss takes a second of the only core."""
    engine = ("cpu.servers=1", "cpu.speed=0.1", "workers.servers=2")
    overloaded = ("demand.level=0.15", *(f"platform.services.engine.stations.{part}" for part in engine))
    queue = ("intervention=[gateway_queue]", "intervention.gateway_queue.limit=20")
    without, fifo, lifo = (
        evening(*overloaded, *more) for more in ((), queue, (*queue, "intervention.gateway_queue.order=lifo"))
    )

    assert without["station_queue_max"]["engine.workers"] > 20
    for found in (fifo, lifo):
        assert found["station_queue_max"]["engine.workers"] == 20
        assert found["station_expired"]["engine.workers"] > 0
        assert found["call_attempts"]["gateway.assemble>requests.put"] > 100
    assert good(lifo) > 1.2 * max(good(fifo), good(without))


def test_codel_keeps_waits_short_in_overload() -> None:
    """What CoDel is for: the queue of an overloaded engine does not stand, and those who are served have not waited long."""
    waits = {}
    for codel in ("null", "{target: 5 ms, interval: 100 ms}"):
        queue = ("intervention=[gateway_queue]", f"intervention.gateway_queue.codel={codel}")
        found = evening(*OVERLOADED, *queue)
        waits[codel] = found["station_wait"]["engine.workers"] / found["station_starts"]["engine.workers"]
        assert (found["station_rejected"]["engine.workers"] > 0) == (codel != "null")
    long, short = waits.values()
    assert short < 0.1 * long


def good(found: dict[str, Any]) -> int:
    return found["endpoint_outcomes"]["gateway.recommendations"]["ok"]


# I4


def test_entries_go_bit_by_bit() -> None:
    viral = ("scenario=s1_viral_upload", "platform.sources.viral_uploads.at=['16:01']")
    names = ("cache_invalidated", "cache_hits", "cache_misses")
    lost = {
        over: evening(*viral, "intervention=[gradual_invalidation]", f"intervention.gradual_invalidation.over={over}")
        for over in ("0s", "30min")
    }
    at_once, slowly = ({name: found[name]["engine.recommendations"] for name in names} for found in lost.values())

    assert evening(*viral) == lost["0s"]
    assert at_once["cache_invalidated"] > 5 * slowly["cache_invalidated"] > 0
    assert slowly["cache_hits"] > at_once["cache_hits"]


# I5


def test_profiles_are_read_from_replicas() -> None:
    without, replicas = evening(), evening("intervention=[profile_replicas]", "intervention.profile_replicas.count=3")
    reads = ("profile.get", "profile.history")
    ends = {name: sum(found["station_ends"].get(f"replica.database#{k}", 0) for k in range(3)) for name, found in
            (("without", without), ("with", replicas))}  # fmt: skip

    assert ends["without"] == 0
    assert ends["with"] == sum(replicas["call_attempts"][f"{caller}>replica.{what}"] for caller, what in
                               zip(reads, ("profile", "history"), strict=True)) > 100  # fmt: skip
    assert (
        replicas["station_ends"]["profile.database"] < without["station_ends"]["profile.database"] - 0.9 * ends["with"]
    )


def test_a_read_behind_a_write_is_stale() -> None:
    late = evening("intervention=[profile_replicas]", "intervention.profile_replicas.lag=5min")
    in_time = evening("intervention=[profile_replicas]", "intervention.profile_replicas.lag=1ms")
    assert late["stale_reads"] > 0
    assert in_time["stale_reads"] == 0


# I6


def test_queries_are_saved_by_hits() -> None:
    without, cached = (evening("platform.content.clusters=5", *more) for more in ((), ("intervention=[vector_cache]",)))
    site, cache = "engine.recommend>vectordb.search", "vectordb.neighbours"
    served = cached["cache_hits"][cache] + cached["cache_coalesced"][cache]

    assert served > 0.5 * without["call_attempts"][site]
    assert (
        cached["call_attempts"][site] == cached["cache_misses"][cache] < without["call_attempts"][site] - 0.9 * served
    )


def test_similar_tastes_save_queries() -> None:
    """With more of them served by what is near, fewer queries are made; what is saved are answers of another taste."""
    site, cache = "engine.recommend>vectordb.search", "vectordb.neighbours"
    exact, near, nearly_all = (
        evening("intervention=[vector_cache]", f"intervention.vector_cache.similar={share}") for share in (0, 0.01, 0.2)
    )

    assert exact["call_attempts"][site] > near["call_attempts"][site] > nearly_all["call_attempts"][site]
    assert exact["cache_similar"][cache] == 0 < near["cache_similar"][cache] <= near["cache_hits"][cache]
    assert nearly_all["call_attempts"][site] < 0.2 * exact["call_attempts"][site]


def test_what_an_engine_makes_up_is_no_neighbour() -> None:
    """A vector database that takes longer than the engine waits: nothing is cached, and every miss falls back."""
    slow = ("platform.services.vectordb.stations.queries.speed=0.02", "platform.content.clusters=5")
    found = evening(*slow, "intervention=[vector_cache]")
    answered = found["call_outcomes"]["engine.recommend>vectordb.search"]
    assert found["popularity_fallback"] == answered["timeout"] > 20
    assert found["cache_hits"]["vectordb.neighbours"] == answered["ok"] == 0


# I7


def test_background_work_keeps_to_its_share_and_is_not_lost() -> None:
    uploads = "platform.sources.uploads.rate=2/s"
    without, first = evening(uploads), evening(uploads, "intervention=[priorities]")
    later = {name: sum(found["endpoint_arrivals"][f"llm.{use}"] for use in ("describe", "classify")) for name, found in
             (("without", without), ("with", first))}  # fmt: skip

    assert first["limiter_passed"]["llm.background"] <= 60 * 5 + 3
    assert first["limiter_refused"]["llm.background"] == 0
    assert later["with"] < later["without"]
    failed = {name: sum(n for outcome, n in found["endpoint_outcomes"]["pipeline.process"].items() if outcome != "ok")
              for name, found in (("without", without), ("with", first))}  # fmt: skip
    assert failed == {"without": 0, "with": 0}
    assert first["station_waiting"]["pipeline.consumers"] > without["station_waiting"]["pipeline.consumers"]


# Second variants


def test_who_keeps_to_the_quota_is_not_refused() -> None:
    busy = ("platform.constants.llm_share=100%", "platform.services.llm.limiters.quota.rate=100/min")
    rates = ("intervention.llm_pacing.rate=98/min", "intervention.llm_pacing.max_wait=30s")
    without, paced = evening(*busy), evening(*busy, "intervention=[llm_pacing]", *rates)
    assert without["limiter_refused"]["llm.quota"] > 50
    assert paced["limiter_refused"]["llm.quota"] == 0
    # who takes a place and gives up before his turn has passed here and asks nothing there
    assert 98 * 5 - 10 < paced["limiter_passed"]["llm.quota"] <= 98 * 5 + 7
    assert paced["limiter_passed"]["llm.quota"] <= paced["limiter_passed"]["llm.pacing"] <= 98 * 5.5 + 7


def test_an_assembled_profile_costs_no_work() -> None:
    without, cached = evening(), evening("intervention=[profile_cache]")
    hits = cached["cache_hits"]["profile.assembled"]
    assert hits > 100
    saved = without["station_ends"]["profile.workers"] - cached["station_ends"]["profile.workers"]
    assert saved == pytest.approx(hits, abs=5)  # who is under way at the edges
    assert cached["cache_hits"]["profile.profiles"] < without["cache_hits"]["profile.profiles"]


def test_one_fetches_for_all_who_miss_the_same() -> None:
    """Fifty items that live for 10 s and take a second to fetch, each asked for more than once a second."""
    content = ("caches.metadata.ttl=10s", "caches.metadata.warm=0%", "stations.database.speed=0.03")
    hot = ("items=50", *(f"platform.services.content.{part}" for part in content))
    without, spread = evening(*hot), evening(*hot, "intervention=[spread_expiry]")
    cache = "content.metadata"
    assert without["cache_misses"][cache] > 500
    assert spread["cache_misses"][cache] < 0.8 * without["cache_misses"][cache]
    assert spread["cache_coalesced"][cache] > 100


def test_hot_entries_are_fetched_before_they_expire() -> None:
    """Fifty items that live for 10 s and are asked for once a second and more: with XFetch far fewer are found too old.

    Where one a second asks, and each looks ahead by an exponential time of 3 s, nobody fetches an entry before it expires with
    a probability of e^-3; those of rare items expire more often.
    """
    content = ("caches.metadata.ttl=10s", "caches.metadata.warm=0%", "stations.database.speed=0.03")
    hot = ("items=50", *(f"platform.services.content.{part}" for part in content))
    early = ("intervention=[early_refresh]", "intervention.early_refresh.metadata=3s")
    without, found = (evening(*hot, *more)["cache_expired"]["content.metadata"] for more in ((), early))
    assert without > 500
    assert found < 0.7 * without


def test_a_list_that_has_expired_is_shown_and_made_anew_behind() -> None:
    """Lists that live for 10 s: who asks again later gets the old one, and the engine works for it out of his sight."""
    brief = "platform.services.engine.caches.recommendations.ttl=10s"
    without, stale = evening(brief), evening(brief, "intervention=[stale_refresh]")
    lists = "engine.recommendations"
    shown = stale["cache_stale"][lists]
    assert shown > 100
    assert stale["stale_lists"] == pytest.approx(shown, abs=2)  # who is under way when measuring begins or ends
    assert sum(stale["endpoint_outcomes"]["engine.refresh"].values()) == pytest.approx(shown, abs=5)
    assert stale["cache_misses"][lists] < without["cache_misses"][lists] - 0.7 * shown


def test_lists_of_those_who_are_there_are_warm_when_they_ask() -> None:
    """Lists that live for a minute: many are made anew while their user looks at a title; nobody is shown an old one."""
    brief = "platform.services.engine.caches.recommendations.ttl=60s"
    warming = ("intervention=[warming]", "intervention.warming.places=100")
    without, warm = evening(brief), evening(brief, *warming)
    asked, behind = "engine.recommend>vectordb.search", "engine.warm>vectordb.search"
    made = warm["call_attempts"][behind]
    assert made > 50
    assert made < 0.2 * warm["endpoint_arrivals"]["engine.warm"]  # most who look at a title never had a list
    assert without["call_attempts"][asked] - warm["call_attempts"][asked] > 0.25 * made
    stale = warm["cache_stale"]["engine.recommendations"]
    assert stale == pytest.approx(warm["cold_lists"] + made, abs=2)  # who is under way when measuring begins or ends


def test_a_soft_purge_leaves_lists_to_be_shown() -> None:
    viral = ("scenario=s1_at_peak", "platform.sources.viral_uploads.at=['16:01']")
    hard, soft = evening(*viral), evening(*viral, "intervention=[stale_refresh]")
    lists = "engine.recommendations"
    assert hard["cache_invalidated"][lists] > 20
    assert soft["cache_invalidated"][lists] == 0
    assert soft["cache_stale"][lists] > 0.7 * hard["cache_invalidated"][lists]


# Beyond the case study

SLOW_AUTH = "platform.services.auth.stations.workers.speed=0.01"
"""2 s and more: longer than the gateway's 1 s."""


def validations(found: dict[str, Any], what: str = "call_attempts") -> dict[str, Any]:
    """Of each of the gateway's calls of auth."""
    return {site: n for site, n in found[what].items() if site.endswith(">auth.validate")}


def test_nobody_is_served_without_authentication() -> None:
    without, fixed = evening(SLOW_AUTH), evening(SLOW_AUTH, "intervention=[auth_fix]")
    assert without["unauthenticated"] > 100
    assert fixed["unauthenticated"] == 0
    for endpoint in ("browse", "details", "play"):
        assert without["endpoint_outcomes"][f"gateway.{endpoint}"]["ok"] > 0
        assert fixed["endpoint_outcomes"][f"gateway.{endpoint}"]["ok"] == 0


def test_retries_are_at_most_the_ratio_of_first_attempts() -> None:
    """Every validation fails: without a budget two attempts each; with one 1 + ratio, and what the reserve had."""
    budget = (
        "intervention=[retry_budgets]",
        "intervention.retry_budgets.reserve=0",
        "intervention.retry_budgets.cap=10",
    )
    without, with_budget = evening(SLOW_AUTH), evening(SLOW_AUTH, *budget)
    retries, attempts = (validations(with_budget, what) for what in ("call_retries", "call_attempts"))
    firsts = {site: attempts[site] - retries[site] for site in attempts}

    assert sum(validations(without, "call_retries").values()) > 0.95 * sum(validations(without).values()) / 2
    assert all(attempts[site] <= 1.2 * firsts[site] + 10 for site in attempts)
    assert sum(retries.values()) > 0.95 * 0.2 * sum(firsts.values())


def test_jitter_makes_fewer_calls_of_a_crowd() -> None:
    """60 at once for a quota of 8 at once: without jitter those refused come back together (Brooker 2015)."""
    crowd = {"call": "llm.classify", "at": ["16:01"], "batch": 60, "user": "random", "item": "random"}
    settings = ("llm_base=1s", "llm_attempts=12")
    calls = {}
    for jitter in ("none", "equal", "full"):
        own = [f"intervention.full_jitter.{setting}" for setting in (*settings, f"jitter={jitter}")]
        mapping = composed([*SMALL, "intervention=[full_jitter]", *own])
        mapping["platform"]["sources"]["crowd"] = crowd
        found = totals(mapping)
        good = found["endpoint_outcomes"]["llm.classify"]["ok"]
        calls[jitter] = found["call_attempts"]["llm.ask_small>llm.small"] / good
    # Full and equal jitter are about alike in calls, and no jitter is the clear loser.
    assert abs(calls["full"] - calls["equal"]) < 0.5 * (calls["none"] - calls["full"])


def test_no_work_is_done_for_whom_nobody_waits() -> None:
    """An engine of 12 workers behind an LLM that takes longer than the gateway waits."""
    slow = (SLOW_LLM, "platform.constants.llm_share=100%", "platform.services.engine.stations.workers.servers=12")
    without, propagated = evening(*slow), evening(*slow, "intervention=[deadline_propagation]")
    model = "engine.cpu"
    assert propagated["station_wasted"][model] < 0.1 * without["station_wasted"][model]
    assert good(propagated) > 1.2 * good(without)


def test_a_twentieth_more_requests_cut_the_tail() -> None:
    """Expected: 5 % of requests are still out after their 95th percentile; a stall of 8 s is then hedged away."""
    busy = (
        "demand.level=0.2", "platform.constants.llm_share=100%", "platform.services.llm.limiters.quota.rate=10000/min",
        "platform.services.llm.limiters.quota.burst=100", "platform.sources.uploads.rate=0/s",
        "platform.services.vectordb.stations.queries.contention.serial=0",
    )  # fmt: skip
    sigma = math.sqrt(math.log(1 + 0.3**2))
    p95_ms = 140 * math.exp(1.645 * sigma - sigma**2 / 2) + 8
    without, hedged = (
        evening(*busy),
        evening(*busy, "intervention=[hedging]", f"intervention.hedging.vector={p95_ms} ms"),
    )
    stall_s, share = 8, 0.03
    for site, after_s, usual_s in (
        ("engine.recommend>vectordb.search", 0, 0), ("llm.ask_small>llm.small", 0.68, 0.44),
        ("llm.ask_medium>llm.medium", 1.36, 0.94), ("llm.ask_large>llm.large", 1.92, 1.44),
    ):  # fmt: skip
        hedges, requests = hedged["call_hedges"][site], hedged["call_attempts"][site] - hedged["call_hedges"][site]
        assert abs(hedges - 0.05 * requests) < 4 * math.sqrt(0.05 * 0.95 * requests)
        if after_s:
            asked = f"llm.{site.split('>')[0].removeprefix('llm.')}"
            before_s, now_s = (
                f["endpoint_time"][asked] / sum(f["endpoint_outcomes"][asked].values()) for f in (without, hedged)
            )
            assert before_s - now_s > 0.5 * share * (stall_s - after_s - usual_s)


def test_a_slow_llm_takes_its_pool_and_no_more() -> None:
    slow = (SLOW_LLM, "platform.constants.llm_share=100%", "platform.services.engine.stations.workers.servers=12")
    without, apart = evening(*slow), evening(*slow, "intervention=[bulkheads]", "intervention.bulkheads.calls=3")
    assert without["station_queue_max"]["engine.workers"] > 20
    assert apart["station_queue_max"]["engine.workers"] < 5
    assert 0.5 * 3 * 300 < apart["station_busy"]["engine.llm_calls"] <= 3 * 300
    assert apart["bulkhead_full"] > 0
    assert good(apart) > 1.2 * good(without)


def test_who_needs_no_text_takes_no_place_in_the_pool() -> None:
    """6.7 % of misses ask the LLM: so many come to the pool, and no more."""
    without, apart = evening(), evening("intervention=[bulkheads]", "intervention.bulkheads.calls=1")
    asked = without["call_attempts"]["engine.recommend>llm.describe"]
    assert apart["call_attempts"]["engine.recommend>engine.describe"] == pytest.approx(asked, rel=0.2)
    assert apart["station_arrivals"]["engine.llm_calls"] == sum(
        apart["call_attempts"][f"engine.{site}"]
        for site in ("recommend>engine.describe", "explain>engine.explain_in_pool")
    )


def test_valid_tokens_are_asked_for_once() -> None:
    without, cached = evening(), evening("intervention=[token_caching]")
    asked = sum(validations(cached).values())
    assert asked == cached["cache_misses"]["gateway.tokens"]
    assert cached["cache_hits"]["gateway.tokens"] > asked
    assert asked + cached["cache_hits"]["gateway.tokens"] == pytest.approx(sum(validations(without).values()), rel=0.01)
    mean_s = [
        f["endpoint_time"]["gateway.event"] / f["endpoint_outcomes"]["gateway.event"]["ok"] for f in (without, cached)
    ]
    assert mean_s[1] < mean_s[0] - 0.010


def test_who_passed_by_the_bug_is_not_remembered() -> None:
    found = evening(SLOW_AUTH, "intervention=[token_caching]")
    assert found["unauthenticated"] > 100
    assert found["cache_hits"]["gateway.tokens"] == 0


def test_gpus_come_after_their_start_delay() -> None:
    """4 videos/s, and 14 GPUs embed two; an hour is longer than the evening."""
    uploads = ("platform.sources.uploads.rate=4/s", "intervention=[embedding_autoscaling]")
    soon, never = (evening(*uploads, f"intervention.embedding_autoscaling.start_delay={d}") for d in ("30s", "1h"))
    gpu = "pipeline.gpu"
    assert (soon["station_servers"][gpu], never["station_servers"][gpu]) == (28, 14)
    assert never["station_busy"][gpu] <= 14 * 300
    assert soon["station_ends"][gpu] > 1.3 * never["station_ends"][gpu]
    assert soon["station_waiting"][gpu] < never["station_waiting"][gpu]


def test_two_choices_wait_much_less_than_one() -> None:
    """Five replicas of one loop, 70 % busy: Mitzenmacher's direction; one queue for all is the best there is."""
    split = (
        "intervention=[two_choices]",
        *(f"intervention.two_choices.{s}" for s in ("replicas=5", "workers=1", "serial=0")),
    )
    pooled = (
        "platform.services.auth.stations.workers.servers=5",
        "platform.services.auth.stations.workers.contention.serial=0",
    )

    def wait_s(*overrides: str) -> float:
        return sum(s for name, s in evening(*overrides)["station_wait"].items() if name.startswith("auth.workers"))

    one, two, best = wait_s(*split, "intervention.two_choices.balancer=random"), wait_s(*split), wait_s(*pooled)
    assert best < two < 0.5 * one


def test_popular_items_keep_the_engine_in_time() -> None:
    """Misses take half a second of the only core, and three come in a second."""
    without = evening(*OVERLOADED)
    dimmed = evening(*OVERLOADED, "intervention=[brownout]", "intervention.brownout.limit=6")
    assert dimmed["station_queue_max"]["engine.workers"] < 5 < 20 < without["station_queue_max"]["engine.workers"]
    assert dimmed["popular_items"] > 0
    assert good(dimmed) > 1.1 * good(evening(*OVERLOADED, GIVE_UP))  # it is more than to give up those who have gone
    assert (
        dimmed["endpoint_outcomes"]["engine.recommend"]["ok"] > without["endpoint_outcomes"]["engine.recommend"]["ok"]
    )
    assert good(dimmed) > 1.2 * good(without)


def overload(call: dict[str, Any], calm: str | None = None, **front: Any) -> dict[str, Any]:
    """A client of ten servers of 0.1 s, 100/s, asked 300 times a second: for ten minutes, or for two after a calm."""
    back = {
        "stations": {"servers": {"servers": 10, "queue": 1000 if front else 0}},
        "endpoints": {"serve": {"steps": [{"use": "servers", "time": {"exponential": "100 ms"}}]}},
    }
    steps = [{"hold": "permits", "do": [call]}] if front else [call]
    client = {"stations": front, "endpoints": {"ask": {"steps": steps}}}
    sources = {"arrivals": {"call": "client.ask", "rate": calm or "300/s"}}
    platform = {"name": "overload", "services": {"client": client, "back": back}, "sources": sources}
    scenario = {"events": [{"at": "0 s", "set": {"sources.arrivals.rate": "300/s"}}]}
    until = "2 min" if calm else "10 min"
    run = {"platform": platform, "warmup": "5 min", "until": until, "window": "1 min"}
    return totals(run | {"scenario": scenario} if calm else run)


@pytest.mark.parametrize("k", [1.1, 2])
def test_a_throttled_client_sends_k_times_what_is_accepted(k: float) -> None:
    """Requests R, accepts A: of R the share 1 - (R - K A)/(R + 1) is sent, which is K A but for 1/R."""
    without, throttled = overload({"call": "back.serve"}), overload({"call": "back.serve", "throttle": {"k": k}})
    sent, accepted = throttled["endpoint_arrivals"]["back.serve"], throttled["endpoint_outcomes"]["back.serve"]["ok"]
    assert without["endpoint_arrivals"]["back.serve"] == pytest.approx(300 * 600, rel=0.02)
    assert sent == pytest.approx(k * accepted, rel=0.03)
    assert throttled["call_open"]["client.ask>back.serve"] == pytest.approx(300 * 600 - sent, rel=0.02)


def test_the_gateway_asks_an_overloaded_engine_less() -> None:
    full = ("platform.services.engine.stations.workers.servers=2", "platform.services.engine.stations.workers.queue=0")
    overloaded = ("demand.level=0.2", *SLOW_ENGINE, *full)
    without, throttled = evening(*overloaded), evening(*overloaded, "intervention=[client_throttling]")
    arrivals = [found["endpoint_arrivals"]["engine.recommend"] for found in (without, throttled)]
    assert without["call_open"]["gateway.assemble>engine.recommend"] == 0
    assert throttled["call_open"]["gateway.assemble>engine.recommend"] > 0
    assert arrivals[1] < 0.9 * arrivals[0]


def test_an_adaptive_limit_keeps_goodput_and_times() -> None:
    """A crowd of two minutes after five of calm: what the servers can do is done in time, the rest is turned away."""
    call = {"call": "back.serve", "timeout": "1 s", "cancel": True}
    adaptive = {"servers": 20, "queue": 0, "adaptive": {"min": 5}}
    without, limited = (
        overload(call, calm="50/s", permits=permits) for permits in ({"servers": "unlimited"}, adaptive)
    )
    ok = [found["endpoint_outcomes"]["client.ask"]["ok"] for found in (without, limited)]
    mean_s = [found["endpoint_time_ok"]["client.ask"] / n for found, n in zip((without, limited), ok, strict=True)]
    assert ok[1] > 0.95 * 100 * 120
    assert mean_s[1] < 0.3 < 0.7 < mean_s[0]
    assert limited["endpoint_outcomes"]["client.ask"]["timeout"] < 0.01 * ok[1]


def test_the_gateway_limits_what_is_in_an_overloaded_engine() -> None:
    limits = [f"intervention.adaptive_concurrency.{setting}" for setting in ("initial=4", "min=4", "max=50")]
    without, limited = evening(*OVERLOADED), evening(*OVERLOADED, "intervention=[adaptive_concurrency]", *limits)
    assert limited["station_rejected"]["gateway.engine_calls"] > 0
    assert good(limited) > 1.1 * good(evening(*OVERLOADED, GIVE_UP))  # it is more than to give up those who have gone
    assert limited["station_queue_max"]["engine.workers"] < 50
    assert good(limited) > 1.2 * good(without)


def erlang_wait_s(rate: float, servers: int, time_s: float) -> float:
    """Mean wait of M/M/c, by Erlang's C."""
    load = rate * time_s
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked)) * time_s / (servers - load)


def test_shedding_serves_the_important_first_and_as_many_as_do_not_wait() -> None:
    """DAGOR: what is turned away is what matters less, until the mean wait is the 20 ms: at Erlang's rate for it."""

    def crowd(**station: Any) -> dict[str, Any]:
        back = {
            "stations": {"servers": {"servers": 10, "queue": 1000, **station}},
            "endpoints": {"serve": {"steps": [{"use": "servers", "time": {"exponential": "100 ms"}}]}},
        }
        client = {
            "endpoints": {name: {"steps": [{"call": "back.serve", "timeout": "1 s"}]} for name in ("pay", "look")}
        }
        sources = {
            "pay": {"call": "client.pay", "rate": "50/s", "user": "random", "priority": 0},
            "look": {"call": "client.look", "rate": "150/s", "user": "random", "priority": 2},
        }
        types = {"one": {"requests": 1, "mix": {"pay": {"call": "client.pay", "weight": 1}}}}
        users = {
            "population": 10_000,
            "arrivals": "sessions",
            "think": "1 s",
            "sessions": {"rate": "0.001/s", "types": types},
        }
        platform = {"name": "crowd", "services": {"client": client, "back": back}, "sources": sources, "users": users}
        return totals({"platform": platform, "warmup": "5 min", "until": "10 min", "window": "1 min"})

    def ok(found: dict[str, Any], name: str) -> int:
        return found["endpoint_outcomes"][f"client.{name}"]["ok"]

    without, shed = crowd(), crowd(shedding={})
    assert ok(without, "pay") + ok(without, "look") < 0.1 * 100 * 600
    assert ok(shed, "pay") > 0.99 * 50 * 600

    rate = max(rate for rate in range(50, 100) if erlang_wait_s(rate, 10, 0.1) <= 0.020)
    assert ok(shed, "pay") + ok(shed, "look") == pytest.approx(rate * 600, rel=0.1)
    # its rate is known to a tenth, and its wait to what Erlang has for a tenth less and more
    wait_s = shed["station_wait"]["back.servers"] / shed["station_starts"]["back.servers"]
    assert erlang_wait_s(0.9 * rate, 10, 0.1) < wait_s < erlang_wait_s(1.1 * rate, 10, 0.1)


def test_the_engine_sheds_instead_of_queueing() -> None:
    without, shed = evening(*OVERLOADED), evening(*OVERLOADED, "intervention=[load_shedding]")
    assert shed["station_rejected"]["engine.workers"] > 0
    assert shed["station_queue_max"]["engine.workers"] < 0.1 * without["station_queue_max"]["engine.workers"]
    assert good(shed) > 1.2 * good(without)


def test_all_together() -> None:
    everything = sorted(path.stem for path in (Path(__file__).parents[2] / "conf/intervention").glob("*.yaml"))
    assert len(everything) >= 20
    found = evening(f"intervention=[{','.join(everything)}]")
    assert found["endpoint_outcomes"]["gateway.recommendations"]["ok"] > 0.99 * sum(
        found["endpoint_outcomes"]["gateway.recommendations"].values()
    )
