"""The reference against cases computed by hand, and against conservation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from sfmodel.schema import parse_run

from . import Reference, simulate
from .platforms import deterministic_runs, random_runs

Steps = list[Any]
ONE_SERVER = {"cpu": {"servers": 1}}


def ran(services: dict[str, Any], sources: dict[str, Any], until: str = "10 s", **further: Any) -> Reference:
    """Run a platform of these services and sources."""
    platform = {"name": "test", "services": services, "sources": sources, **further.pop("platform", {})}
    return simulate(parse_run({"platform": platform, "until": until, **further}))


def service(steps: Steps, **further: Any) -> dict[str, Any]:
    """A service with one endpoint `get`."""
    return {"stations": ONE_SERVER, "endpoints": {"get": {"steps": steps}}, **further}


def at(*times_s: float, **further: Any) -> dict[str, Any]:
    """A source of calls of a.get at these times."""
    return {"source": {"call": "a.get", "at": [f"{time} s" for time in times_s], **further}}


# --- stations


def test_fifo_queue() -> None:
    """Arrivals 1, 2, 3 s, 1.5 s each: ends 2.5, 4, 5.5; waits 0, 0.5, 1; durations 1.5, 2, 2.5."""
    result = ran({"a": service([{"use": "cpu", "time": "1.5 s"}])}, at(1, 2, 3), window="2 s")
    assert result.station_busy == {"a.cpu": 4.5}
    assert result.station_wait == {"a.cpu": 1.5}
    assert result.station_queue == {"a.cpu": 1.5}
    assert result.station_queue_max == {"a.cpu": 1}
    assert result.endpoint_time == {"a.get": 6.0}
    assert list(result.windows["station_busy"]["a.cpu"]) == [1, 2, 1.5, 0, 0]
    assert list(result.windows["endpoint_outcomes"]["a.get"]["ok"]) == [0, 1, 2, 0, 0]


def test_queue_limit_zero_rejects_while_busy() -> None:
    """Only the first of three finds the server free."""
    a = service([{"use": "cpu", "time": "5 s"}], stations={"cpu": {"servers": 1, "queue": 0}})
    result = ran({"a": a}, at(1, 2, 3))
    assert result.endpoint_outcomes == {"a.get": {"ok": 1, "rejected": 2}}
    assert result.station_rejected == {"a.cpu": 2}


@pytest.mark.parametrize(("order", "durations"), [("fifo", [2, 3, 4.5]), ("lifo", [2, 5, 2.5])])
def test_order(order: str, durations: list[float]) -> None:
    """At 1, 2, 2.5 s, 2 s each. fifo: ends 3, 5, 7; lifo: ends 3, 7 (second), 5 (third)."""
    a = service([{"use": "cpu", "time": "2 s"}], stations={"cpu": {"servers": 1, "order": order}})
    result = ran({"a": a}, at(1, 2, 2.5))
    assert result.endpoint_time == {"a.get": sum(durations)}


def test_priority_goes_first() -> None:
    """While the first runs (1 to 3 s) priority 2 comes at 1.5, priority 0 at 2; patience 2 s lets 2 expire at 3.5."""
    a = service(
        [{"use": "cpu", "time": "2 s"}], stations={"cpu": {"servers": 1, "order": "priority", "patience": "2 s"}}
    )
    sources = {
        "first": {"call": "a.get", "at": ["1 s"]},
        "low": {"call": "a.get", "at": ["1.5 s"], "priority": 2},
        "high": {"call": "a.get", "at": ["2 s"], "priority": 0},
    }
    result = ran({"a": a}, sources)
    assert result.endpoint_outcomes == {"a.get": {"ok": 2, "expired": 1}}
    assert result.station_expired == {"a.cpu": 1}
    assert result.endpoint_time == {"a.get": 2 + 2 + 3}


def test_scalability_law_is_fixed_at_the_start_of_service() -> None:
    """serial 0.5, crosstalk 0.1: f = 1 alone; with two 1 + 0.5 + 0.2 = 1.7. Ends 2 and 1.5 + 1.7 = 3.2."""
    stations = {"cpu": {"servers": 2, "contention": {"serial": 0.5, "crosstalk": 0.1}}}
    result = ran({"a": service([{"use": "cpu", "time": "1 s"}], stations=stations)}, at(1, 1.5))
    assert result.endpoint_time["a.get"] == pytest.approx(1 + 1.7)


def test_waiting_cost() -> None:
    """Two workers wait 4 s for b at 50 % of a core each: the cpu of 1 burns 0.5, then 1 core."""
    a = {
        "stations": {"pool": {"servers": 2}, "cpu": {"servers": 1, "waiting_cost": 0.5}},
        "endpoints": {"get": {"hold": "pool", "steps": [{"call": "b.get"}, {"use": "cpu", "time": "1 s"}]}},
    }
    result = ran({"a": a, "b": service([{"sleep": "4 s"}])}, at(1, 2))
    # 1-2: 0.5; 2-5: 1; at 5 the first goes on: 1 in service + 0.5 burnt, at most 1; 6 second goes on: 1
    assert result.station_busy["a.cpu"] == pytest.approx(0.5 + 3 + 1 + 1)
    assert result.endpoint_time["a.get"] == 10


def test_more_servers_at_once_and_none() -> None:
    """At 0 servers nobody is served; at 4 s there are two: both start."""
    a = service([{"use": "cpu", "time": "1 s"}], stations={"cpu": {"servers": 0}})
    event = {"at": "4 s", "set": {"services.a.stations.cpu.servers": 2}}
    result = ran({"a": a}, at(1, 2), scenario={"events": [event]})
    assert result.endpoint_time == {"a.get": 4 + 3}
    assert result.station_wait == {"a.cpu": 3 + 2}


def test_autoscaler_orders_more() -> None:
    """One server busy from 0.5 s; the check at 2 s sees 0.75/0.5: 2 servers, which come at 3 s."""
    scaling = {"min": 1, "max": 2, "target": 0.5, "every": "2 s", "start_delay": "1 s"}
    a = service([{"use": "cpu", "time": "10 s"}], stations={"cpu": {"servers": 1, "scaling": scaling}})
    result = ran({"a": a}, at(0.5, 1))
    assert result.station_wait == {"a.cpu": 2}
    assert result.station_busy["a.cpu"] == pytest.approx(9.5 + 7)


def test_slowed_by_a_counter() -> None:
    """(400/100)^0.5 = 2."""
    use = {"use": "cpu", "time": "1 s", "slowed_by": [{"counter": "n", "reference": 100, "exponent": 0.5}]}
    result = ran({"a": service([use])}, at(1), platform={"counters": {"n": {"start": 400}}})
    assert result.endpoint_time == {"a.get": 2}


# --- replicas


def test_round_robin_and_a_dead_replica() -> None:
    """Replica 1 is down: every second of four calls fails."""
    a = service([{"use": "cpu", "time": "0.1 s"}], replicas=2, down=[1])
    result = ran({"a": a}, at(1, 2, 3, 4))
    assert result.endpoint_outcomes == {"a.get": {"ok": 2, "unavailable": 2}}
    assert result.station_busy == pytest.approx({"a.cpu#0": 0.2, "a.cpu#1": 0})


def test_health_check_takes_it_out() -> None:
    """Probes at 1 and 2 s fail: from 2 s on all go to replica 0. Arrivals 0.5 (0), 0.6 (1 fails), 3, 4."""
    check = {"every": "1 s", "unhealthy_after": 2}
    a = service([{"sleep": "0.1 s"}], replicas=2, down=[1], health_check=check)
    result = ran({"a": a}, at(0.5, 0.6, 3, 4))
    assert result.endpoint_outcomes == {"a.get": {"ok": 3, "unavailable": 1}}


def test_going_down_ends_all_tasks() -> None:
    """Both in service and waiting at 3 s end then; at 4.5 s it is still starting; at 6 s it serves."""
    a = service([{"use": "cpu", "time": "5 s"}], start_delay="1 s")
    event = {"at": "3 s", "for": "1 s", "set": {"services.a.down": [0]}}
    result = ran({"a": a}, at(1, 2, 4.5, 6), until="12 s", scenario={"events": [event]})
    assert result.endpoint_outcomes == {"a.get": {"ok": 1, "unavailable": 3}}
    assert result.endpoint_time == {"a.get": 2 + 1 + 0 + 5}


def test_least_requests() -> None:
    """Long ones on 0 and 1, then the third finds the first free again."""
    a = service([{"use": "cpu", "time": "1 s"}], replicas=2, balancer="least_requests")
    result = ran({"a": a}, at(1, 1.5, 2.2))
    assert result.station_busy == pytest.approx({"a.cpu#0": 2, "a.cpu#1": 1})


# --- calls


def caller(**options: Any) -> dict[str, Any]:
    """A service whose `get` calls b.get."""
    return service([{"call": "b.get", **options}])


def test_timeout_leaves_a_zombie() -> None:
    """b works 3 s; the caller leaves after 1 s; the server stays busy."""
    result = ran({"a": caller(timeout="1 s"), "b": service([{"use": "cpu", "time": "3 s"}])}, at(1))
    assert result.endpoint_outcomes == {"a.get": {"timeout": 1}, "b.get": {"ok": 1}}
    assert result.station_busy["b.cpu"] == 3
    assert result.endpoint_wasted == {"b.get": 1}


def test_a_zombie_skips_a_step() -> None:
    """b goes on after the caller has left at 1 s, but skips the second second of work."""
    steps = [{"use": "cpu", "time": "2 s"}, {"use": "cpu", "time": "1 s", "unless_zombie": True}]
    result = ran({"a": caller(timeout="1 s"), "b": service(steps)}, at(1))
    assert result.station_busy["b.cpu"] == 2
    result = ran({"a": caller(timeout="4 s"), "b": service(steps)}, at(1))
    assert result.station_busy["b.cpu"] == 3


def test_cancel_frees_the_server() -> None:
    """The same with cancel: 1 s of work."""
    result = ran({"a": caller(timeout="1 s", cancel=True), "b": service([{"use": "cpu", "time": "3 s"}])}, at(1))
    assert result.endpoint_outcomes == {"a.get": {"timeout": 1}, "b.get": {"cancelled": 1}}
    assert result.station_busy["b.cpu"] == 1


def test_reply_at_the_timeout_is_in_time() -> None:
    """0.25 + 0.5 + 0.25 = 1."""
    result = ran({"a": caller(timeout="1 s", network="0.25 s"), "b": service([{"sleep": "0.5 s"}])}, at(1))
    assert result.endpoint_outcomes["a.get"] == {"ok": 1}


def test_request_cancelled_on_its_way() -> None:
    """The network takes 2 s, the timeout is 1 s."""
    result = ran({"a": caller(timeout="1 s", network="2 s", cancel=True), "b": service([{"sleep": "1 s"}])}, at(1))
    assert result.endpoint_outcomes == {"a.get": {"timeout": 1}, "b.get": {"cancelled": 1}}


def test_retries_with_exponential_backoff() -> None:
    """Attempts at 1, 1 + 0.5, 1.5 + 1 (each fails at once): the caller ends after 1.5 s."""
    retries = {"attempts": 3, "backoff": "exponential", "base": "0.5 s"}
    result = ran({"a": caller(retries=retries), "b": service([{"fail": None}])}, at(1))
    assert result.endpoint_time["a.get"] == 1.5
    assert result.call_attempts == {"a.get>b.get": 3}
    assert result.call_retries == {"a.get>b.get": 2}
    assert result.call_outcomes == {"a.get>b.get": {"error": 3}}


def test_deadline_forbids_the_backoff() -> None:
    """The second backoff would end at 1.5 s, the deadline."""
    retries = {"attempts": 3, "backoff": "exponential", "base": "0.5 s"}
    result = ran({"a": caller(retries=retries, deadline="1.5 s"), "b": service([{"fail": None}])}, at(1))
    assert result.endpoint_time["a.get"] == 0.5
    assert result.endpoint_outcomes["a.get"] == {"error": 1}


def test_budget() -> None:
    """Balance 1 at first (cap); the first call takes it; the second has 0.25, the third 0.5: no retries."""
    retries = {"attempts": 2, "budget": {"ratio": 0.25, "reserve": 0, "cap": 1}}
    result = ran({"a": caller(retries=retries), "b": service([{"fail": None}])}, at(1, 2, 3))
    assert result.call_attempts == {"a.get>b.get": 4}


def test_propagated_deadline_and_handlers() -> None:
    """The middle's call starts at the deadline: it expires and sends nothing; its handler ends the script ok."""
    middle = service([{"sleep": "1 s"}, {"call": "c.get", "on_expired": "return"}])
    services = {"a": caller(timeout="1 s", propagate=True), "b": middle, "c": service([])}
    result = ran(services, at(1))
    assert result.endpoint_outcomes == {"a.get": {"ok": 1}, "b.get": {"ok": 1}}
    assert "c.get" not in result.endpoint_arrivals


def test_a_call_across_the_deadline_makes_up_no_answer() -> None:
    """The middle's call of 3 s is under way when the deadline comes at 2 s: expired, not its own timeout."""
    middle = service([{"call": "c.get", "timeout": "2.5 s", "on_timeout": [{"use": "cpu", "time": "1 s"}]}])
    services = {"a": caller(timeout="1 s", propagate=True), "b": middle, "c": service([{"sleep": "3 s"}])}
    result = ran(services, at(1))
    assert result.endpoint_outcomes == {"a.get": {"timeout": 1}, "b.get": {"expired": 1}, "c.get": {"ok": 1}}
    assert result.call_outcomes["b.get>c.get"] == {"expired": 1}
    assert result.station_busy.get("b.cpu", 0) == 0


def test_what_is_done_with_an_answer() -> None:
    """Stored after a success only; a handler of a failure goes on behind it."""
    b = service([{"choose": [{"probability": 1, "do": ["fail"]}, {"probability": 0, "do": []}]}])
    well = {"services.b.endpoints.get.steps.0.with_probability": 0}
    front = caller(on_ok=[{"use": "cpu", "time": "1 s"}], on_error="continue")
    result = ran({"a": front, "b": b}, at(1, 3), scenario={"events": [{"at": "2 s", "set": well}]})
    assert result.endpoint_outcomes["a.get"] == {"ok": 2}
    assert result.station_busy["a.cpu"] == 1


def test_breaker_opens_and_closes() -> None:
    """Failures at 1, 2 s open it until 4 s; 3 s is refused; 4.5 s probes: b is well again; closed."""
    breaker = {"window": "2 calls", "minimum_calls": 2, "open_for": "2 s", "half_open_calls": 1}
    b = service([{"choose": [{"probability": 1, "do": ["fail"]}, {"probability": 0, "do": []}]}])
    well = {"services.b.endpoints.get.steps.0.with_probability": 0}
    result = ran({"a": caller(breaker=breaker), "b": b}, at(1, 2, 3, 4.5, 5), scenario={
        "events": [{"at": "2.5 s", "set": well}]})  # fmt: skip
    assert result.call_outcomes == {"a.get>b.get": {"error": 2, "open": 1, "ok": 2}}
    assert result.breaker_state == {"a.get>b.get": 0}


def test_half_open_probe_fails() -> None:
    """Opens at 2 s for 2 s; the probe at 4.5 s fails: open again until 6.5 s."""
    breaker = {"window": "2 calls", "minimum_calls": 2, "open_for": "2 s", "half_open_calls": 1}
    result = ran({"a": caller(breaker=breaker), "b": service(["fail"])}, at(1, 2, 3, 4.5, 6))
    assert result.call_outcomes == {"a.get>b.get": {"error": 3, "open": 2}}
    assert result.breaker_state == {"a.get>b.get": 1}


def test_hedge() -> None:
    """The slow replica 0 (10 s) is overtaken by the hedge to replica 1: 1 s later, 1 s long."""
    b = service([{"use": "cpu", "time": "1 s"}], replicas=2, replica_speed={0: 0.1})
    result = ran({"a": caller(hedge={"after": "1 s"}, cancel=True), "b": b}, at(1))
    assert result.endpoint_time["a.get"] == 2
    assert result.endpoint_outcomes["b.get"] == {"ok": 1, "cancelled": 1}
    assert result.call_hedges == {"a.get>b.get": 1}
    assert (result.station_busy["b.cpu#0"], result.station_busy["b.cpu#1"]) == (2, 1)


# --- forks, choices, holds


@pytest.mark.parametrize(("join", "took", "outcome"), [("first", 1, "ok"), (2, 2, "ok"), ("all", 3, "error")])
def test_fork(join: Any, took: float, outcome: str) -> None:
    """Branches end ok at 1 and 2 s, with an error at 3 s."""
    branches = [[{"sleep": "1 s"}], [{"sleep": "2 s"}], [{"sleep": "3 s"}, "fail"]]
    result = ran({"a": service([{"fork": branches, "join": join}])}, at(1))
    assert result.endpoint_outcomes == {"a.get": {outcome: 1}}
    assert result.endpoint_time == {"a.get": took}


def test_fork_cancels_the_rest() -> None:
    """The branch in service is cancelled when the other fails at 1 s."""
    branches = [[{"use": "cpu", "time": "5 s"}], [{"sleep": "1 s"}, "fail"]]
    result = ran({"a": service([{"fork": branches, "cancel": True}])}, at(1))
    assert result.station_busy == {"a.cpu": 1}


def test_hold_is_released_by_a_failure() -> None:
    """Each holds 1 s and fails; the second waits 0.5 s."""
    a = service([{"hold": "cpu", "do": [{"sleep": "1 s"}, "fail"]}, {"sleep": "9 s"}])
    result = ran({"a": a}, at(1, 1.5))
    assert result.endpoint_outcomes == {"a.get": {"error": 2}}
    assert result.endpoint_time == {"a.get": 1 + 1.5}
    assert result.station_wait == {"a.cpu": 0.5}


def test_send_does_not_wait() -> None:
    """The caller ends at once."""
    result = ran({"a": service([{"send": "b.get"}]), "b": service([{"sleep": "3 s"}])}, at(1))
    assert result.endpoint_time == {"a.get": 0, "b.get": 3}


# --- caches


def cached(miss: Steps | None = None, **options: Any) -> dict[str, Any]:
    """A service whose `get` reads a cache and stores after a miss of 0.5 s."""
    miss = [{"sleep": "0.5 s"}, {"store": "c"}] if miss is None else miss
    cache = {"key": "item", "ttl": "2 s", **options}
    return service([{"lookup": "c", "on_miss": miss}], caches={"c": cache})


def test_cache_ttl() -> None:
    """Miss at 1 (stored 1.5, until 3.5), hits at 2 and 3, expired at 4."""
    result = ran({"a": cached()}, at(1, 2, 3, 4))
    assert (result.cache_hits, result.cache_misses, result.cache_expired) == ({"a.c": 2}, {"a.c": 2}, {"a.c": 1})
    assert result.cache_entries == {"a.c": 1}


def test_cache_stale_and_sliding() -> None:
    """Sliding: 3 s renews until 5 s; 6 s is stale (until 7 s); 8 s is expired."""
    result = ran({"a": cached(sliding=True, stale_for="2 s")}, at(1, 3, 6, 8))
    assert result.cache_hits == {"a.c": 1}
    assert result.cache_stale == {"a.c": 1}
    assert result.cache_expired == {"a.c": 1}


def test_cache_expiry_is_rounded_up_to_milliseconds() -> None:
    """Stored at 1 s for 2.0001 s: until 3.001 s, so that 3.0005 s hits."""
    result = ran({"a": cached(miss=[{"store": "c"}], ttl="2.0001 s")}, at(1, 3.0005, 3.0011))
    assert result.cache_hits == {"a.c": 1}


def test_invalidation_by_version() -> None:
    """Stored at 1.5 s, invalidated at 2 s: the lookup at 3 s misses."""
    a = cached()
    a["endpoints"]["drop"] = {"steps": [{"invalidate": "c", "scope": "all"}]}
    sources = {**at(1, 3), "drop": {"call": "a.drop", "at": ["2 s"]}}
    result = ran({"a": a}, sources)
    assert result.cache_invalidated == {"a.c": 1}


def test_soft_invalidation() -> None:
    """Stored at 1.5 s, invalidated softly at 2 s, served stale for 2 s: the lookup at 3 s is stale, the one at 4 s misses."""
    a = cached(ttl="1 h", stale_for="2 s")
    a["endpoints"]["drop"] = {"steps": [{"invalidate": "c", "scope": "all", "soft": True}]}
    sources = {**at(1, 3, 4), "drop": {"call": "a.drop", "at": ["2 s"]}}
    result = ran({"a": a}, sources)
    assert (result.cache_stale, result.cache_invalidated, result.cache_misses) == ({"a.c": 1}, {"a.c": 1}, {"a.c": 2})


def test_coalescing() -> None:
    """The leader fetches from 1 to 1.5 s; two wait and go on as hits at 1.5 s."""
    result = ran({"a": cached(coalesce=True)}, at(1, 1.1, 1.2))
    assert (result.cache_misses, result.cache_coalesced) == ({"a.c": 1}, {"a.c": 2})
    assert result.endpoint_time["a.get"] == pytest.approx(0.5 + 0.4 + 0.3)


def test_coalescing_leader_fails() -> None:
    """The leader fails at 1.5 s; the next leads from then to 2 s, the last from 2 to 2.5 s."""
    result = ran({"a": cached(coalesce=True, miss=[{"sleep": "0.5 s"}, "fail"])}, at(1, 1.1, 1.2))
    assert result.cache_misses == {"a.c": 3}
    assert result.endpoint_time["a.get"] == pytest.approx(0.5 + 0.9 + 1.3)


def test_cache_calls_its_store() -> None:
    """A read of 0.1 s and a write of 0.1 s; a read that times out is a miss."""
    a = cached(read="b.get", write="b.get", timeout="0.2 s")
    slow = {"at": "5 s", "set": {"services.b.endpoints.get.steps.0.sleep": "1 s"}}
    result = ran({"a": a, "b": service([{"sleep": "0.1 s"}])}, at(1, 2, 6), scenario={"events": [slow]})
    assert (result.cache_hits, result.cache_misses, result.cache_stores) == ({"a.c": 1}, {"a.c": 2}, {"a.c": 1})
    assert result.endpoint_time["a.get"] == pytest.approx((0.1 + 0.5 + 0.1) + 0.1 + (0.2 + 0.5 + 0.2))


def test_eviction() -> None:
    """Memory for two of three users; the longest idle (user 0) goes when user 2 is written."""
    users = {
        "population": 3, "arrivals": "closed", "think": "2 s",
        "sessions": {"types": {"t": {"requests": 1, "mix": {"r": {"call": "a.get", "weight": 1}}}}},
    }  # fmt: skip
    a = cached(miss=[{"store": "c"}], key="user", ttl="1 h", of="a", entry_size="1 kB")
    a["memory"] = {"limit": "2 kB"}
    result = ran({"a": a}, {}, until="3 s", platform={"users": users})
    assert (result.cache_evictions, result.cache_entries) == ({"a.c": 1}, {"a.c": 2})


# --- limiters


def limited(**limiter: Any) -> dict[str, Any]:
    """A service whose `get` passes a limiter."""
    return service([{"pass": "l"}], limiters={"l": limiter})


def test_token_bucket_refuses() -> None:
    """1/s with a burst of 2: of three at 1 s two pass; at 1.5 s none; at 2 s one."""
    result = ran({"a": limited(kind="token_bucket", rate="1/s", burst=2)}, at(1, 1, 1, 1.5, 2))
    assert (result.limiter_passed, result.limiter_refused) == ({"a.l": 3}, {"a.l": 2})


def test_token_bucket_waits() -> None:
    """1/s, three at 1 s: they pass at 1, 2, 3 s; the fourth would wait 3 s > 2.5 s."""
    result = ran({"a": limited(kind="gcra", rate="1/s", when_full="wait", max_wait="2.5 s")}, at(1, 1, 1, 1))
    assert result.endpoint_time == {"a.get": 0 + 1 + 2 + 0}
    assert result.endpoint_outcomes == {"a.get": {"ok": 3, "throttled": 1}}


def test_fixed_window_waits() -> None:
    """2 in each second: five at 1.5 s pass at 1.5, 1.5, 2, 2, 3."""
    a = limited(kind="fixed_window", limit=2, window="1 s", when_full="wait")
    assert ran({"a": a}, at(*[1.5] * 5)).endpoint_time == {"a.get": 0.5 + 0.5 + 1.5}


def test_sliding_window() -> None:
    """Limit 2 in 1 s: at 1.9 two pass; at 2.5: 2 × 0.5 + 0 < 2 passes, then 1 + 1 is full; at 2.9: 0.2 + 1 passes."""
    result = ran({"a": limited(kind="sliding_window", limit=2, window="1 s")}, at(1.9, 1.9, 1.9, 2.5, 2.5, 2.9))
    assert (result.limiter_passed, result.limiter_refused) == ({"a.l": 4}, {"a.l": 2})


# --- queues


def queued(**queue: Any) -> dict[str, Any]:
    """A service whose `get` publishes to a queue with a handler of 1 s."""
    handle = {"steps": [{"use": "cpu", "time": "1 s", "per_message": "0.1 s"}]}
    a = service([{"publish": "a.q"}], queues={"q": {"handler": "handle", **queue}})
    a["endpoints"]["handle"] = handle
    return a


def test_consumer_takes_one_after_another() -> None:
    """Published at 1 and 1.5 s, 1.1 s each: delivered at 2.1 and 3.2 s."""
    result = ran({"a": queued()}, at(1, 1.5))
    assert result.queue_delay["a.q"] == pytest.approx(1.1 + 1.7)


def test_batch_and_linger() -> None:
    """Two make a batch at 1.5 s (until 2.7 s); the third lingers from 3 to 5 s (until 6.1 s)."""
    result = ran({"a": queued(batch=2, linger="2 s")}, at(1, 1.5, 3))
    assert result.queue_batches == {"a.q": 2}
    assert result.queue_delay["a.q"] == pytest.approx(1.7 + 1.2 + 3.1)


@pytest.mark.parametrize(("when_full", "name"), [("reject", "queue_rejected"), ("drop_oldest", "queue_dropped")])
def test_full_queue(when_full: str, name: str) -> None:
    """One is handled, one waits; of the third and it one is lost."""
    result = ran({"a": queued(limit=1, when_full=when_full)}, at(1, 1.1, 1.2))
    assert getattr(result, name) == {"a.q": 1}
    assert result.queue_delivered == {"a.q": 2}


# --- users, sources, scenario


def people(**options: Any) -> dict[str, Any]:
    """One closed user of a.get that thinks 1 s."""
    mix = {"r": {"call": "a.get", "weight": 1, "views": 1}}
    sessions = {"types": {"t": {"requests": 1, "mix": mix}}}
    return {"users": {"population": 1, "arrivals": "closed", "think": "1 s", "sessions": sessions, **options}}


def test_closed_user_stretches() -> None:
    """Cycle: think 1 s + 1 × R, R = 0.5: requests at 1, 3, 5, 7, 9 s."""
    result = ran({"a": service([{"sleep": "0.5 s"}])}, {}, platform=people(stretch=1))
    assert result.users_requests == {"t.r": 5}
    assert result.views == {"t.r": 5}


def test_user_retries_and_gives_up() -> None:
    """Requests at 1, 1.25, 1.5 (given up), then think: 2.5, 2.75, 3 s (given up); run ends at 3.5 s."""
    retry = {"probability": 1, "attempts": 2, "after": "0.25 s"}
    result = ran({"a": service(["fail"])}, {}, until="3.5 s", platform=people(retry=retry))
    assert (result.users_requests, result.users_retries) == ({"t.r": 6}, {"t.r": 4})
    assert (result.users_given_up, result.views_lost) == ({"t.r": 2}, {"t.r": 2})


def test_user_abandons() -> None:
    """R = 2 s > patience of 1 s: abandoned at 3 s, thinks, again from 4 to 6 s."""
    result = ran({"a": service([{"sleep": "2 s"}])}, {}, until="6.5 s", platform=people(patience="1 s"))
    assert (result.users_abandoned, result.views_lost) == ({"t.r": 2}, {"t.r": 2})
    assert result.users_outcomes == {"t.r": {"ok": 2}}


def test_every_and_warmup() -> None:
    """From -2 s every second: -1, 0, …, 9 s; measured are 0 to 9; the one of -0.5 s long is unseen."""
    result = ran({"a": service([{"sleep": "0.5 s"}])}, {"s": {"call": "a.get", "every": "1 s"}}, warmup="2 s")
    assert result.endpoint_arrivals == {"a.get": 10}
    assert result.endpoint_outcomes == {"a.get": {"ok": 10}}


def test_poisson_follows_the_scenario() -> None:
    """100/s for 10 s, nothing for 10 s, 200/s for 10 s: 3000 ± 5 × 55."""
    events = [
        {"at": "10 s", "for": "10 s", "scale": {"sources.s.rate": 0}},
        {"at": "20 s", "scale": {"sources.s.rate": 2}},
    ]
    sources = {"s": {"call": "a.get", "rate": "100/s"}}
    result = ran({"a": service([])}, sources, until="30 s", scenario={"events": events})
    counts = result.windows["endpoint_arrivals"]["a.get"]
    assert counts[1] == 0
    assert counts.sum() == pytest.approx(3000, abs=5 * 55)


def test_files(tmp_path: Path) -> None:
    """Arrivals at 1 and 3 s; a source that follows a demand of 1 until 5 s and 0 from then: 500 ± 5 × 22."""
    (tmp_path / "arrivals.csv").write_text("time,work\n1,250\n3,250\n")
    (tmp_path / "day.csv").write_text("timestamp,value\n0,10\n5,10\n5.001,0\n86000,0\n")
    sources = {
        "file": {"call": "a.get", "file": {"file": str(tmp_path / "arrivals.csv")}},
        "demand": {"call": "b.get", "rate": "100/s", "follow_demand": True},
    }
    work = {"empirical": {"file": str(tmp_path / "arrivals.csv"), "column": "work", "unit": "ms"}}
    series = {"file": str(tmp_path / "day.csv"), "normal": ["0 s", "5 s"]}
    result = ran({"a": service([{"sleep": work}]), "b": service([])}, sources, demand={"series": series})
    assert result.endpoint_time["a.get"] == pytest.approx(0.5)
    assert list(result.windows["endpoint_arrivals"]["a.get"]) == [2]
    assert result.endpoint_arrivals["b.get"] == pytest.approx(500, abs=5 * 22)


def test_simultaneous_events() -> None:
    """At 2 s: the scenario sets 2 s of work, the first task ends, the arrival finds the server free."""
    a = service([{"use": "cpu", "time": "1 s"}], stations={"cpu": {"servers": 1, "queue": 0}})
    event = {"at": "2 s", "set": {"services.a.endpoints.get.steps.0.time": "2 s"}}
    result = ran({"a": a}, at(1, 2), scenario={"events": [event]})
    assert result.endpoint_time == {"a.get": 1 + 2}


def test_counters() -> None:
    """Each adds 2.5."""
    result = ran({"a": service([{"count": "n", "add": 2.5}])}, at(1, 2), platform={"counters": {"n": {}}})
    assert result.counters == {"n": 5}


# --- conservation


def total(outcomes: dict[str, float]) -> float:
    """Sum over outcomes."""
    return sum(outcomes.values())


LEAVING = ("starts", "rejected", "expired", "left")
HANDLED = ("delivered", "failed", "dropped")


def check_conservation(mapping: dict[str, Any]) -> None:
    """What came is there or has gone."""
    result = simulate(parse_run(mapping))
    for name, arrivals in result.endpoint_arrivals.items():
        came = result.endpoint_in_flight_start.get(name, 0) + arrivals
        assert came == total(result.endpoint_outcomes.get(name, {})) + result.endpoint_in_flight.get(name, 0)
    if "warmup" not in mapping:
        check_what_is_left(result)


def check_what_is_left(result: Reference) -> None:
    """More came to stations, call sites and queues than left them: the rest is there at the end."""
    for name, came in result.station_arrivals.items():
        assert came >= sum(getattr(result, f"station_{way}").get(name, 0) for way in LEAVING)
        assert result.station_starts.get(name, 0) >= result.station_ends.get(name, 0)
    for name, sent in result.call_attempts.items():
        assert sent >= total(result.call_outcomes.get(name, {}))
    for name, published in result.queue_published.items():
        assert published >= sum(getattr(result, f"queue_{way}").get(name, 0) for way in HANDLED)


SOME = settings(
    max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)  # fmt: skip


@SOME
@given(deterministic_runs())
def test_conservation_where_nothing_is_random(mapping: dict[str, Any]) -> None:
    check_conservation(mapping)


@SOME
@given(random_runs())
def test_conservation_where_much_is_random(mapping: dict[str, Any]) -> None:
    check_conservation(mapping)


@SOME
@given(deterministic_runs())
def test_seed_is_irrelevant_where_nothing_is_random(mapping: dict[str, Any]) -> None:
    results = [simulate(parse_run({**mapping, "seed": seed})).totals for seed in (1, 2)]
    assert results[0] == results[1]
