"""The field's traps, each computed by hand. Times are binary fractions, so that what should coincide does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import simulated, totals

from sfmodel.engine import Simulation, prepare, simulate
from sfmodel.errors import ConfigError, RunError
from sfmodel.schema import parse_run

from .bits import assert_same_bits

Mapping = dict[str, Any]


def run(services: Mapping, sources: Mapping, until: float, events: list[Mapping] | None = None, **more: Any) -> Mapping:
    platform = {"name": "trap", "services": services, "sources": sources, **more.pop("platform", {})}
    return {
        "platform": platform,
        "until": f"{until} s",
        "window": f"{until} s",
        "scenario": {"events": events or []},
        **more,
    }


def at(*times: float, call: str = "a.get", **more: Any) -> Mapping:
    return {"in": {"call": call, "at": [f"{t} s" for t in times], **more}}


def caller(call: Mapping) -> Mapping:
    return {"endpoints": {"get": {"steps": [{"call": "b.get", **call}]}}}


def worker(time: Any, **station: Any) -> Mapping:
    return {"stations": {"x": {"servers": 1, **station}}, "endpoints": {"get": {"steps": [{"use": "x", "time": time}]}}}


def outcomes(result: Mapping, endpoint: str) -> Mapping:
    """Outcomes that happened."""
    return {outcome: n for outcome, n in result["endpoint_outcomes"][endpoint].items() if n}


def attempts(result: Mapping, call: str = "a.get>b.get") -> Mapping:
    return {outcome: n for outcome, n in result["call_outcomes"][call].items() if n}


# Timeouts, zombies, retries


def test_a_timed_out_call_whose_callee_ends_later() -> None:
    # given up at 1.125 s; the callee goes on to 1.5 s, and its end reaches nobody
    services = {"a": caller({"timeout": "0.125 s"}), "b": worker("0.5 s")}
    result = totals(run(services, at(1), 3))
    assert outcomes(result, "a.get") == {"timeout": 1}
    assert outcomes(result, "b.get") == {"ok": 1}
    assert attempts(result) == {"timeout": 1}
    assert result["call_time"] == {"a.get>b.get": 0.125}
    assert result["endpoint_time"] == {"a.get": 0.125, "b.get": 0.5}
    assert result["endpoint_wasted"] == {"a.get": 0, "b.get": 1}
    # in between it is in flight
    between = totals(run(services, at(1), 1.25))
    assert between["endpoint_in_flight"] == {"a.get": 0, "b.get": 1}


def test_a_call_across_its_task_s_deadline_makes_up_no_answer() -> None:
    # b's deadline is 1.25 s; its call of c, which may take until 1.5 s, expires then, and the 1 s of its handler is not spent
    front = caller({"timeout": "0.25 s", "propagate": True})
    call = {"call": "c.get", "timeout": "0.5 s", "on_timeout": [{"use": "x", "time": "1 s"}]}
    middle = {"stations": {"x": {"servers": 1}}, "endpoints": {"get": {"steps": [call]}}}
    result = totals(run({"a": front, "b": middle, "c": worker("1 s")}, at(1), 4))
    assert outcomes(result, "a.get") == {"timeout": 1}
    assert outcomes(result, "b.get") == {"expired": 1}
    assert attempts(result, "b.get>c.get") == {"expired": 1}
    assert result["station_busy"]["b.x"] == 0


def test_what_is_done_with_an_answer_is_done_after_a_success_alone() -> None:
    # at 1 s b is well; at 3 s it is down: the handler goes on behind what is done with an answer
    call = {"on_ok": [{"use": "x", "time": "0.5 s"}], "on_unavailable": [{"use": "x", "time": "0.25 s"}]}
    front = {**caller(call), "stations": {"x": {"servers": 1}}}
    gone = [{"at": "2 s", "set": {"services.b.down": [0]}}]
    result = totals(run({"a": front, "b": worker("0.5 s")}, at(1, 3), 5, gone))
    assert outcomes(result, "a.get") == {"ok": 2}
    assert result["station_busy"]["a.x"] == 0.75


def test_a_reply_to_an_earlier_attempt_is_no_reply_to_this_one() -> None:
    # attempt 1 times out at 1.25 s and its callee ends at 1.375 s, while attempt 2, behind it, ends at 1.75 s
    services = {
        "a": caller({"timeout": "0.25 s", "retries": {"attempts": 2}}),
        "b": worker("0.375 s"),
    }
    result = totals(run(services, at(1), 3))
    # attempt 2 starts at 1.25 s, is served from 1.375 s, times out at 1.5 s
    assert attempts(result) == {"timeout": 2}
    assert outcomes(result, "a.get") == {"timeout": 1}
    assert result["endpoint_time"]["a.get"] == 0.5
    assert outcomes(result, "b.get") == {"ok": 2}
    assert result["endpoint_wasted"]["b.get"] == 2


def test_a_retry_that_comes_when_the_breaker_has_just_opened() -> None:
    # errors at 1 s and 1.25 s open it; the second retry, at 1.5 s, is refused, and `open` is not retried.
    # 2 s: refused. 2.25 s: open_for has just passed: half open, its one probe fails: open until 3.25 s.
    breaker = {"window": "2 calls", "minimum_calls": 2, "failure_rate": 1, "open_for": "1 s", "half_open_calls": 1}
    retries = {"attempts": 4, "base": "0.25 s"}
    services = {
        "a": caller({"breaker": breaker, "retries": retries}),
        "b": {"endpoints": {"get": {"steps": [{"fail": "error"}]}}},
    }
    result = totals(run(services, at(1, 2), 2.2))
    assert attempts(result) == {"error": 2, "open": 2}
    assert result["call_retries"]["a.get>b.get"] == 2
    assert result["breaker_openings"]["a.get>b.get"] == 1
    assert outcomes(result, "a.get") == {"open": 2}
    # the request of 2.25 s probes, fails, and its retry at 2.5 s is refused
    result = totals(run(services, at(1, 2, 2.25), 3))
    assert attempts(result) == {"error": 3, "open": 3}
    assert result["breaker_openings"]["a.get>b.get"] == 2


def test_a_success_closes_a_half_open_breaker() -> None:
    # the callee fails until 2 s; the probe at 2.25 s succeeds, so does 2.5 s
    breaker = {"window": "2 calls", "minimum_calls": 2, "failure_rate": 1, "open_for": "1 s", "half_open_calls": 1}
    fails = {"fail": "error", "with_probability": 1}
    services = {"a": caller({"breaker": breaker}), "b": {"endpoints": {"get": {"steps": [fails]}}}}
    events = [{"at": "2 s", "set": {"services.b.endpoints.get.steps.0.with_probability": 0}}]
    result = totals(run(services, at(1, 1.25, 2, 2.25, 2.5), 3, events))
    assert attempts(result) == {"error": 2, "open": 1, "ok": 2}
    assert result["breaker_state"]["a.get>b.get"] == 0


def test_a_full_queue_when_the_holder_times_out_and_goes_on() -> None:
    # r1 is served from 1 s to 2 s as a zombie; r2 waits from 1.125 s, also in vain; 1.1875 s and 1.25 s find it full
    services = {"a": caller({"timeout": "0.25 s"}), "b": worker("1 s", queue=1)}
    result = totals(run(services, at(1, 1.125, 1.1875, 1.25), 4))
    assert attempts(result) == {"timeout": 2, "rejected": 2}
    assert outcomes(result, "b.get") == {"ok": 2, "rejected": 2}
    assert result["station_wait"]["b.x"] == 0.875
    assert result["station_wasted"]["b.x"] == 2


def test_a_zombie_skips_what_is_for_those_who_wait() -> None:
    # the request of 1 s is answered at 2 s, in time; that of 1.25 s is given up at 2.75 s and served until 3 s
    services = {"a": caller({"timeout": "1.5 s"}), "b": worker("1 s")}
    services["b"]["caches"] = {"kept": {"key": "item", "ttl": "1 h"}}
    services["b"]["endpoints"]["get"]["steps"].append({"store": "kept", "unless_zombie": True})
    result = totals(run(services, at(1, 1.25), 4))
    assert outcomes(result, "a.get") == {"ok": 1, "timeout": 1}
    assert outcomes(result, "b.get") == {"ok": 2}
    assert result["cache_stores"] == {"b.kept": 1}


def test_a_full_queue_when_the_holder_times_out_and_is_cancelled() -> None:
    # r1 is stopped at 1.25 s, r2 starts; r4 comes at 1.25 s after that, and waits until r2 is stopped at 1.375 s
    services = {"a": caller({"timeout": "0.25 s", "cancel": True}), "b": worker("1 s", queue=1)}
    result = totals(run(services, at(1, 1.125, 1.1875, 1.25), 4))
    assert attempts(result) == {"timeout": 3, "rejected": 1}
    assert outcomes(result, "b.get") == {"cancelled": 3, "rejected": 1}
    assert result["station_wait"]["b.x"] == 0.25
    assert result["station_wasted"]["b.x"] == result["station_busy"]["b.x"] == 0.5
    assert result["station_starts"]["b.x"] == result["station_ends"]["b.x"] == 3


# Cancelling


def test_thousands_cancelled_at_once_free_their_servers_one_by_one() -> None:
    # 60 branches call 60 branches each: 3600 in service, as many wait behind them; at 2 s the first are cancelled, and
    # those behind them, whose caller waits longer, start
    branches = [[{"use": "x", "time": "10 s"}] for _ in range(60)]
    services = {
        "a": {
            "endpoints": {
                "get": {"steps": [{"call": "b.get", "timeout": "1 s", "cancel": True, "on_failure": "continue"}]},
                "wait": {"steps": [{"call": "b.get", "timeout": "1 h", "on_failure": "continue"}]},
            }
        },
        "b": {"endpoints": {"get": {"steps": [{"fork": [[{"call": "c.get", "timeout": "1 h", "cancel": True}]] * 60,
                                               "cancel": True}]}}},
        "c": {"stations": {"x": {"servers": 3600}}, "endpoints": {"get": {"steps": [{"fork": branches, "cancel": True}]}}},
    }  # fmt: skip
    sources = {**at(1), "later": {"call": "a.wait", "at": ["1.5 s"]}}
    result = totals(run(services, sources, 30))
    assert outcomes(result, "c.get") == {"cancelled": 60, "ok": 60}
    assert (result["station_starts"]["c.x"], result["station_ends"]["c.x"]) == (7200, 7200)
    assert result["station_wasted"]["c.x"] == 3600 * 1.0
    assert result["station_wait"]["c.x"] == 3600 * 0.5
    assert result["station_busy"]["c.x"] == 3600 * (1.0 + 10.0)


def test_cancelled_while_queued() -> None:
    services = {"a": caller({"timeout": "0.25 s", "cancel": True}), "b": worker("1 s")}
    result = totals(run(services, at(1.5) | {"other": {"call": "b.get", "at": ["1 s"]}}, 4))
    assert outcomes(result, "b.get") == {"ok": 1, "cancelled": 1}
    assert result["station_left"]["b.x"] == 1
    assert result["station_wasted"]["b.x"] == 0
    assert result["station_queue"]["b.x"] == 0.25
    assert result["endpoint_time"]["b.get"] == 1.25


def test_cancelled_while_travelling() -> None:
    # dropped on arrival, after 0.5 s on the network: an arrival, an outcome, no time, no work
    services = {"a": caller({"timeout": "0.25 s", "cancel": True, "network": "0.5 s"}), "b": worker("1 s")}
    early, late = totals(run(services, at(1), 1.375)), totals(run(services, at(1), 4))
    assert early["endpoint_arrivals"] == {"a.get": 1, "b.get": 0}
    assert outcomes(late, "b.get") == {"cancelled": 1}
    assert late["endpoint_time"]["b.get"] == 0
    assert late["station_arrivals"]["b.x"] == 0


def test_cancelled_while_its_reply_travels() -> None:
    # served from 1.25 s to 1.5 s; the reply, due at 1.75 s, comes too late for the timeout at 1.625 s
    services = {"a": caller({"timeout": "0.625 s", "cancel": True, "network": "0.25 s"}), "b": worker("0.25 s")}
    result = totals(run(services, at(1), 4))
    assert outcomes(result, "b.get") == {"ok": 1}
    assert attempts(result) == {"timeout": 1}
    assert result["station_wasted"]["b.x"] == 0


@pytest.mark.parametrize("cancel", [True, False])
def test_cancelling_reaches_as_far_as_call_sites_say(cancel: bool) -> None:
    # a cancels b; b, at its own call site, cancels c or leaves it as a zombie
    services = {
        "a": caller({"timeout": "0.25 s", "cancel": True}),
        "b": {"endpoints": {"get": {"steps": [{"call": "c.get", "cancel": cancel}]}}},
        "c": worker("1 s"),
    }
    result = totals(run(services, at(1), 4))
    assert outcomes(result, "b.get") == {"cancelled": 1}
    assert outcomes(result, "c.get") == ({"cancelled": 1} if cancel else {"ok": 1})
    assert result["station_wasted"]["c.x"] == (0.25 if cancel else 1)


def test_cancelled_while_backing_off_asleep_and_in_a_limiter() -> None:
    # in each case it waits when the caller gives up at 1.25 s, and nothing comes of it
    waits = {
        "backing off": [{"call": "c.get", "retries": {"attempts": 2, "base": "0.5 s"}}],
        "asleep": [{"sleep": "0.5 s"}, {"call": "c.get"}],
        "limited": [{"pass": "gate"}, {"pass": "gate"}, {"call": "c.get"}],
    }
    gate = {"kind": "token_bucket", "rate": "1/s", "when_full": "wait"}
    for name, steps in waits.items():
        services = {
            "a": caller({"timeout": "0.25 s", "cancel": True}),
            "b": {"limiters": {"gate": gate}, "endpoints": {"get": {"steps": steps}}},
            "c": {"endpoints": {"get": {"steps": [{"fail": "error"}]}}},
        }
        result = totals(run(services, at(1), 4))
        assert outcomes(result, "b.get") == {"cancelled": 1}, name
        assert result["endpoint_time"]["b.get"] == 0.25, name
        assert result["endpoint_arrivals"]["c.get"] == (name == "backing off"), name


def test_cancelled_with_branches_and_holds() -> None:
    # b holds its pool and forks two uses; all is released when the caller gives up at 1.25 s
    services = {
        "a": caller({"timeout": "0.25 s", "cancel": True}),
        "b": {
            "stations": {"pool": {"servers": 1}, "x": {"servers": 1}},
            "endpoints": {"get": {"hold": "pool", "steps": [
                {"fork": [[{"use": "x", "time": "1 s"}], [{"use": "x", "time": "1 s"}]], "cancel": True}
            ]}},
        },
    }  # fmt: skip
    result = totals(run(services, at(1, 1.5), 4))
    assert outcomes(result, "b.get") == {"cancelled": 2}
    assert result["station_starts"]["b.pool"] == result["station_ends"]["b.pool"] == 2
    assert result["station_wait"]["b.pool"] == 0
    assert result["station_busy"]["b.x"] == 0.5
    assert result["station_in_service"] == {"b.pool": 0, "b.x": 0}


# Exactly the same time


@pytest.mark.parametrize("network", [0, 0.125])
def test_a_reply_at_exactly_its_timeout_is_in_time(network: float) -> None:
    services = {"a": caller({"timeout": "0.5 s", "network": f"{network} s"}), "b": worker(f"{0.5 - 2 * network} s")}
    assert attempts(totals(run(services, at(1), 4))) == {"ok": 1}


def test_a_server_that_comes_free_at_exactly_the_end_of_patience_is_taken() -> None:
    services = {"a": worker("0.5 s", patience="0.25 s")}
    result = totals(run(services, at(1, 1.25), 4))
    assert outcomes(result, "a.get") == {"ok": 2}
    assert result["station_wait"]["a.x"] == 0.25


def test_who_comes_as_a_server_comes_free_does_not_wait() -> None:
    result = totals(run({"a": worker("0.5 s", queue=0)}, at(1, 1.5, 2), 4))
    assert outcomes(result, "a.get") == {"ok": 3}
    assert result["station_queue_max"]["a.x"] == 0


def test_a_change_comes_before_everything_else_of_its_time() -> None:
    # at 2 s: the replica is killed before the service that ends then; the new time holds for who comes then
    down = {"at": "2 s", "for": "0.25 s", "set": {"services.a.down": [0]}}
    result = totals(run({"a": worker("1 s")}, at(1, 2), 4, [down]))
    assert outcomes(result, "a.get") == {"unavailable": 2}
    slower = {"at": "2 s", "set": {"services.a.endpoints.get.steps.0.time": "0.75 s"}}
    result = totals(run({"a": worker("0.5 s")}, at(1, 2), 4, [slower]))
    assert result["station_busy"]["a.x"] == 0.5 + 0.75


def test_sources_come_in_listed_order_and_users_after_them() -> None:
    # one server, no queue: at 1 s the source that is listed first is served; at 2 s a source goes before the user
    services = {"a": worker("0.5 s", queue=0)}
    services["a"]["endpoints"] |= dict.fromkeys(("second", "third"), services["a"]["endpoints"]["get"])
    sources = {"z": {"call": "a.get", "at": ["1 s", "2 s"]}, "b": {"call": "a.second", "at": ["1 s"]}}
    users = {
        "population": 1, "arrivals": "closed", "think": "2 s",
        "sessions": {"types": {"all": {"requests": 1, "mix": {"page": {"call": "a.third", "weight": 1}}}}},
    }  # fmt: skip
    result = totals(run(services, sources, 3, platform={"users": users}))
    assert outcomes(result, "a.get") == {"ok": 2}
    assert outcomes(result, "a.second") == {"rejected": 1}
    assert outcomes(result, "a.third") == {"rejected": 1}


def test_arrivals_come_before_housekeeping() -> None:
    # replica 0 is down from the start and found out at 1 s; the arrival of 1 s still goes to it (round robin: 0, 1, 0)
    services = {
        "a": {"replicas": 2, "down": [], "health_check": {"every": "1 s", "unhealthy_after": 1}} | worker("0.125 s")
    }
    events = [{"at": "0 s", "set": {"services.a.down": [0]}}]
    result = totals(run(services, at(0.25, 0.5, 1, 1.25, 1.5), 3, events))
    assert outcomes(result, "a.get") == {"unavailable": 2, "ok": 3}


# Extremes


@pytest.mark.parametrize("warmup", ["0 s", "1 s"])
def test_a_run_of_no_length_has_no_windows(warmup: str) -> None:
    simulation, windows = simulated(
        run({"a": worker("1 s")}, at(1.5), 2, start="2 s", warmup=warmup) | {"window": "1 s"}
    )
    assert windows == []
    assert simulation.requests == (warmup == "1 s")


def test_the_last_window_may_be_short() -> None:
    _, windows = simulated(run({"a": worker("0.25 s")}, at(0.5, 1.5, 2.25), 2.5) | {"window": "1 s"})
    assert [int(w["endpoint_arrivals"][0]) for w in windows] == [1, 1, 1]


def test_an_event_at_the_edge_belongs_to_the_next_window() -> None:
    _, windows = simulated(run({"a": worker("1 s")}, at(1, 3), 3) | {"window": "1 s"})
    assert [int(w["endpoint_arrivals"][0]) for w in windows] == [0, 1, 0]
    assert [int(w["endpoint_outcomes"][0, 0]) for w in windows] == [0, 0, 1]


@pytest.mark.parametrize("popularity", [0, 0.9, 1, 2])
@pytest.mark.parametrize("key", ["user", "item", "cluster", "topic"])
def test_one_user_and_one_item(popularity: float, key: str) -> None:
    # thinks 0.5 s, is answered at once: requests at 0.5, 1, …, 9.5 s; the first misses
    services = {
        "a": {
            "caches": {"near": {"key": key, "ttl": "1 h"}},
            "endpoints": {"get": {"steps": [{"lookup": "near", "on_miss": [{"store": "near"}]}]}},
        }
    }
    users = {
        "population": 1, "arrivals": "closed", "think": "0.5 s",
        "sessions": {"types": {"all": {"requests": 1, "mix": {"page": {"call": "a.get", "weight": 1}}}}},
    }  # fmt: skip
    content = {"items": 1, "clusters": 1, "popularity": popularity}
    result = totals(run(services, {}, 10, platform={"users": users, "content": content}))
    assert result["users_requests"]["all.page"] == 19
    assert (result["cache_misses"]["a.near"], result["cache_hits"]["a.near"]) == (1, 18)


def test_a_user_who_never_leaves_makes_more_requests_than_a_counter_of_16_bits_counts() -> None:
    # one request each 1/64 s: at 1/64, 2/64, … up to before 1100 s: 64 · 1100 − 1 > 65 536
    users = {
        "population": 1, "arrivals": "closed", "think": "0.015625 s",
        "sessions": {"types": {"all": {"requests": 1, "mix": {"page": {"call": "a.get", "weight": 1}}}}},
    }  # fmt: skip
    result = totals(run({"a": {"endpoints": {"get": {}}}}, {}, 1100, platform={"users": users}))
    assert result["users_requests"]["all.page"] == 70_399


@pytest.mark.parametrize("demand", [{"level": 0}, {"points": {"00:00": 0, "12:00": 0}}])
def test_without_demand_nothing_comes(demand: Mapping) -> None:
    users = {"population": 10, "sessions": {"rate": "100/s", "types": {"all": {
        "requests": 3, "mix": {"page": {"call": "a.get", "weight": 1}}}}}}  # fmt: skip
    source = {"in": {"call": "a.get", "rate": "100/s", "follow_demand": True}}
    result = totals(run({"a": worker("1 s")}, source, 100, platform={"users": users}, demand=demand))
    assert result["sessions_started"] == 0
    assert result["endpoint_arrivals"]["a.get"] == 0
    assert result["station_busy"]["a.x"] == 0
    assert result["demand"] == 0


def test_windows_of_a_day() -> None:
    # one an hour, the first after an hour: 23 before the first midnight, 24 between it and the second
    source = {"in": {"call": "a.get", "every": "1 h"}}
    _, windows = simulated(run({"a": worker("90 min")}, source, 48 * 3600) | {"window": "24 h"})
    assert [int(w["endpoint_arrivals"][0]) for w in windows] == [23, 24]
    # 90 minutes for each of them: the server is busy from 1:00 on; 15 end by 23:30, the 16th is in service
    assert windows[0]["station_busy"][0] == 23 * 3600
    assert (windows[0]["station_ends"][0], windows[0]["station_waiting"][0]) == (15, 7)


@pytest.mark.parametrize("ttl", [f"{2**32} ms", f"{2**33} ms", "3650 day"])
def test_a_time_to_live_of_months_does_not_end(ttl: str) -> None:
    # modulo 2³² ms the first two would expire when they are stored
    services = {
        "a": {
            "caches": {"near": {"key": "item", "ttl": ttl}},
            "endpoints": {"get": {"steps": [{"lookup": "near", "on_miss": [{"store": "near"}]}]}},
        }
    }
    result = totals(run(services, at(1, 2, 3), 4))
    assert (result["cache_misses"]["a.near"], result["cache_hits"]["a.near"]) == (1, 2)


def test_as_many_attempts_as_a_byte_counts_and_no_more() -> None:
    # each fails at once and is made again 1/64 s later: 255 in all
    services = {
        "a": caller({"retries": {"attempts": 255, "base": "0.015625 s"}}),
        "b": {"endpoints": {"get": {"steps": [{"fail": "error"}]}}},
    }
    result = totals(run(services, at(1), 10))
    assert attempts(result) == {"error": 255}
    assert outcomes(result, "a.get") == {"error": 1}
    services["a"] = caller({"retries": {"attempts": 256}})
    with pytest.raises(ConfigError, match="255"):
        totals(run(services, at(1), 10))


def test_a_source_that_changes_its_interval_and_its_batch() -> None:
    # every 1 s at first: 1, 2, 3 s; the interval to 4 s has begun when it becomes 0.5 s at 3.25 s; then 4.5, 5, 5.5 s.
    # From 3.25 s on two tasks each
    events = [{"at": "3.25 s", "set": {"sources.in.every": "0.5 s", "sources.in.batch": 2}}]
    result = totals(run({"a": worker("0 s")}, {"in": {"call": "a.get", "every": "1 s"}}, 6, events))
    assert result["endpoint_arrivals"]["a.get"] == 3 + 2 * 4


# Windows are aligned to midnight of day 1


def asked_each_second(limiter: Mapping, warmup: str) -> list[float]:
    """When tasks at 0.5, 1.5, …, 20.5 s pass."""
    services = {"a": {"limiters": {"gate": limiter}, "endpoints": {"get": {"steps": [{"pass": "gate"}]}}}}
    _, windows = simulated(run(services, at(*(k + 0.5 for k in range(21))), 21, warmup=warmup) | {"window": "1 s"})
    return [k + 0.5 for k, window in enumerate(windows) for _ in range(int(window["limiter_passed"][0]))]


@pytest.mark.parametrize("key", [None, "item"])
@pytest.mark.parametrize("warmup", ["0 s", "3 s", "25 h"])
def test_windows_of_a_limiter_do_not_move_with_the_warm_up(warmup: str, key: str | None) -> None:
    # a day is no whole number of windows of 7 s
    limiter = {"limit": 2, "window": "7 s", "key": key}
    assert asked_each_second({"kind": "fixed_window", **limiter}, warmup) == [0.5, 1.5, 7.5, 8.5, 14.5, 15.5]
    # at 10.5 s two of the window before count one half each, beside that of 7.5 s; at 11.5 s 5/14 each
    assert asked_each_second({"kind": "sliding_window", **limiter}, warmup) == [0.5, 1.5, 7.5, 11.5, 14.5, 18.5]


@pytest.mark.parametrize("warmup", ["0 s", "3 s", "25 h"])
def test_who_waits_for_a_window_passes_at_its_start_whatever_the_warm_up(warmup: str) -> None:
    limiter = {"kind": "fixed_window", "limit": 1, "window": "7 s", "when_full": "wait"}
    services = {"a": {"limiters": {"gate": limiter}, "endpoints": {"get": {"steps": [{"pass": "gate"}]}}}}
    result = totals(run(services, at(0.5, 1.5, 2.5), 20, warmup=warmup))
    assert result["limiter_wait"]["a.gate"] == 7 - 1.5 + 14 - 2.5
    assert result["endpoint_time"]["a.get"] == 7 - 1.5 + 14 - 2.5


@pytest.mark.parametrize("warmup", ["0 s", "3 s", "25 h"])
@pytest.mark.parametrize(("second", "opens"), [(69.5, 1), (70.5, 0)])
def test_buckets_of_a_breaker_do_not_move_with_the_warm_up(second: float, opens: int, warmup: str) -> None:
    # buckets of 7 s: that of 6.5 s is seen until 70 s, and two failures in view open
    breaker = {"window": "70 s", "minimum_calls": 2, "failure_rate": 1, "open_for": "1 h", "half_open_calls": 1}
    services = {"a": caller({"breaker": breaker}), "b": {"endpoints": {"get": {"steps": [{"fail": "error"}]}}}}
    result = totals(run(services, at(6.5, second), 80, warmup=warmup))
    assert result["breaker_openings"]["a.get>b.get"] == opens


def test_a_half_open_breaker_that_asks_for_fewer_probes_judges_those_that_ended() -> None:
    # opens at 1 s; the probe at 2.5 s is good, one of two. From 3 s on one is enough: who asks at 3.5 s has it judged
    breaker = {"window": "1 calls", "minimum_calls": 1, "failure_rate": 1, "open_for": "1 s", "half_open_calls": 2}
    services = {"a": caller({"breaker": breaker}), "b": {"endpoints": {"get": {}}}}
    key = "services.a.endpoints.get.steps.0.breaker.half_open_calls"
    events = [{"at": 0, "for": "2 s", "set": {"services.b.down": [0]}}, {"at": "3 s", "set": {key: 1}}]
    result = totals(run(services, at(1, 2.5, 3.5, 4), 5, events))
    assert attempts(result) == {"unavailable": 1, "ok": 3}
    assert result["breaker_state"]["a.get>b.get"] == 0


def test_a_raised_limit_gives_no_place_before_that_of_who_came_last() -> None:
    # one in each second: 0.25 s passes, 0.375 s waits for 1 s, 0.5 s for 2 s; with two in each from 0.75 s on,
    # 0.875 s takes the second place at 2 s, and 0.9375 s the first at 3 s
    gate = {"kind": "fixed_window", "limit": 1, "window": "1 s", "when_full": "wait"}
    services = {"a": {"limiters": {"gate": gate}, "endpoints": {"get": {"steps": [{"pass": "gate"}]}}}}
    events = [{"at": "0.75 s", "set": {"services.a.limiters.gate.limit": 2}}]
    result = totals(run(services, at(0.25, 0.375, 0.5, 0.875, 0.9375), 4, events))
    assert result["limiter_wait"]["a.gate"] == 0.625 + 1.5 + 1.125 + 2.0625


# Capacity and replicas that go and come back


def test_what_takes_for_ever_stops_nothing_else() -> None:
    # one of two servers is taken for longer than any calendar reaches
    slow, fast = {"use": "x", "time": "1e10 s"}, {"use": "x", "time": "0.25 s"}
    services = {
        "a": {"stations": {"x": {"servers": 2}},
              "endpoints": {"get": {"steps": [fast]}, "crawl": {"steps": [{**slow, "time": {"constant": "1e10 s"}}]}}},
        "b": {"replica_speed": {"0": 1e-300}, **worker("1 s")},
    }  # fmt: skip
    sources = {**at(2, 3, 4), "slow": {"call": "a.crawl", "at": ["1 s"]}, "slower": {"call": "b.get", "at": ["1 s"]}}
    result = totals(run(services, sources, 6))
    assert outcomes(result, "a.get") == {"ok": 3}
    assert result["endpoint_in_flight"] == {"a.get": 0, "a.crawl": 1, "b.get": 1}


def test_entries_that_become_larger_make_room() -> None:
    # eight entries of 1 kB in 10 kB; at 2 kB each five fit. Then two more keys, at 1 kB again: nobody has to go
    services = {
        "a": {
            "caches": {"near": {"key": "user", "ttl": "1 h", "of": "b", "entry_size": "1 kB"}},
            "endpoints": {"get": {"steps": [{"store": "near"}]}},
        },
        "b": {"memory": {"limit": "10 kB"}},
    }
    users = {
        "population": 8, "arrivals": "closed", "think": "1 s",
        "sessions": {"types": {"all": {"requests": 1, "mix": {"page": {"call": "a.get", "weight": 1}}}}},
    }  # fmt: skip
    events = [{"at": "1.5 s", "for": "0.25 s", "set": {"services.a.caches.near.entry_size": "2 kB"}}]
    result = totals(run(services, {}, 1.625, events, platform={"users": users}))
    assert (result["cache_evictions"]["a.near"], result["cache_bytes"]["a.near"]) == (3, 10_000)
    result = totals(run(services, {}, 2.5, events, platform={"users": users}))
    assert (result["cache_evictions"]["a.near"], result["cache_bytes"]["a.near"]) == (3, 8_000)


def test_a_hedge_that_finds_no_replica_counts() -> None:
    # sent at 0.5 s, 2 s on the way; the only replica dies at 0.75 s, and the balancer knows it from 1 s on
    call = {"hedge": {"after": "1 s"}, "network": "2 s"}
    check = {"every": "1 s", "unhealthy_after": 1}
    services = {"a": caller(call), "b": {"health_check": check, "endpoints": {"get": {}}}}
    result = totals(run(services, at(0.5), 6, [{"at": "0.75 s", "set": {"services.b.down": [0]}}]))
    assert result["call_hedges"] == {"a.get>b.get": 1}
    assert attempts(result) == {"unavailable": 2}


def test_a_run_of_a_nanosecond() -> None:
    assert totals(run({"a": worker("1 s")}, {"in": {"call": "a.get", "rate": "10/s"}}, 1e-9))["endpoint_arrivals"]


def test_time_that_stands_still_is_told() -> None:
    users = {
        "population": 3, "arrivals": "closed", "think": 0,
        "sessions": {"types": {"all": {"requests": 1, "mix": {"page": {"call": "a.get", "weight": 1}}}}},
    }  # fmt: skip
    with pytest.raises(RunError, match=r"time stands still.*users.think"):
        totals(run({"a": {"endpoints": {"get": {}}}}, {}, 2, platform={"users": users}))


def test_a_span_tells_its_attempt_beyond_the_hundredth() -> None:
    services = {
        "a": caller({"retries": {"attempts": 200, "base": "0.015625 s"}}),
        "b": {"endpoints": {"get": {"steps": [{"fail": "error"}]}}},
    }
    simulation, _ = simulated(run(services, at(1), 10, trace={"one_in": 1}))
    spans = simulation.world.arrays["spans"][: int(simulation.world.arrays["clock"]["span_count"][0])]
    assert sorted(spans["attempt"][spans["call"] == 0]) == list(range(200))


@pytest.mark.parametrize("key", [None, "item"])
@pytest.mark.parametrize("kind", ["fixed_window", "sliding_window"])
def test_a_limiter_whose_window_becomes_longer_counts_anew(kind: str, key: str | None) -> None:
    # one in each second, of four; then from 60.1 s on two in each two seconds, of eight
    gate = {"kind": kind, "limit": 1, "window": "1 s", "key": key}
    services = {"a": {"limiters": {"gate": gate}, "endpoints": {"get": {"steps": [{"pass": "gate"}]}}}}
    events = [{"at": "60.1 s", "set": {"services.a.limiters.gate.window": "2 s", "services.a.limiters.gate.limit": 2}}]
    source = {"in": {"call": "a.get", "every": "0.25 s"}}
    _, windows = simulated(run(services, source, 120, events) | {"window": "20 s"})
    # fixed: at 60 s one has passed before the change, and two more do within 60 s to 62 s. Sliding: 60 s itself is refused
    # (one is in full view), 60.25 s and 60.5 s pass; then in each window the second and the sixth, as two in view fade
    passed = [int(w["limiter_passed"][0]) for w in windows]
    assert passed == [20, 20, 20, 21 if kind == "fixed_window" else 20, 20, 20]


def test_no_servers_for_a_while() -> None:
    # 0.25 s each, one every 0.5 s. From 2 s to 4 s none start. Then, from 4 s on one after another:
    # those of 2, 2.5, …, 5.5 s wait 2, 1.75, …, 0.25 s; that of 6 s finds the server just free.
    events = [{"at": "2 s", "for": "2 s", "set": {"services.a.stations.x.servers": 0}}]
    result = totals(run({"a": worker("0.25 s")}, {"in": {"call": "a.get", "every": "0.5 s"}}, 7, events))
    assert result["station_wait"]["a.x"] == sum(0.25 * k for k in range(1, 9))
    assert result["station_queue_max"]["a.x"] == 4
    assert result["station_ends"]["a.x"] == 13
    assert result["station_servers"]["a.x"] == 1


def test_those_in_service_finish_when_servers_go() -> None:
    # two start at 1 s; one server from 1.5 s on; the third, of 1.25 s, starts when both have ended, at 2 s
    events = [{"at": "1.5 s", "set": {"services.a.stations.x.servers": 1}}]
    result = totals(run({"a": worker("1 s", servers=2)}, at(1, 1, 1.25, 1.25), 5, events))
    # the fourth starts at 3 s: waits 0.75 + 1.75.
    assert result["station_wait"]["a.x"] == 2.5
    assert result["station_ends"]["a.x"] == 4
    assert result["station_busy"]["a.x"] == 4


def test_a_replica_is_killed_while_it_serves_and_others_wait() -> None:
    # killed at 2 s: r1, in service since 1.5 s, and r2, waiting since 1.75 s, which never starts. 2.5 s: nobody there.
    # 3 s: back. 3.5 s: served
    events = [{"at": "2 s", "for": "1 s", "set": {"services.b.down": [0]}}]
    services = {"a": caller({}), "b": worker("1 s")}
    result = totals(run(services, at(1.5, 1.75, 2.5, 3.5), 6, events))
    assert outcomes(result, "b.get") == {"unavailable": 3, "ok": 1}
    assert attempts(result) == {"unavailable": 3, "ok": 1}
    assert result["station_wasted"]["b.x"] == 0.5
    assert result["endpoint_time"]["b.get"] == 0.5 + 0.25 + 0 + 1
    assert result["station_starts"]["b.x"] == result["station_ends"]["b.x"] == 2
    assert result["station_waiting"]["b.x"] == result["station_in_service"]["b.x"] == 0


def test_a_replica_that_starts_accepts_after_its_delay() -> None:
    events = [{"at": "1 s", "for": "1 s", "set": {"services.a.down": [0]}}]
    services = {"a": {"start_delay": "0.5 s"} | worker("0.125 s")}
    result = totals(run(services, at(1.5, 2.25, 2.75), 4, events))
    assert outcomes(result, "a.get") == {"unavailable": 2, "ok": 1}


def test_the_callers_of_a_killed_replica_do_not_count_against_their_callees_breaker() -> None:
    # b dies while it calls c: the attempt ends as cancelled, which no breaker records; the next call goes through
    breaker = {"window": "1 calls", "minimum_calls": 1, "failure_rate": 0.5, "open_for": "1 h"}
    services = {
        "a": caller({}),
        "b": {"endpoints": {"get": {"steps": [{"call": "c.get", "breaker": breaker}]}}},
        "c": worker("0.5 s"),
    }
    events = [{"at": "1.25 s", "for": "0.25 s", "set": {"services.b.down": [0]}}]
    result = totals(run(services, at(1, 2), 4, events))
    assert attempts(result, "b.get>c.get") == {"cancelled": 1, "ok": 1}
    assert outcomes(result, "b.get") == {"unavailable": 1, "ok": 1}
    assert outcomes(result, "c.get") == {"ok": 2}
    assert result["endpoint_wasted"]["c.get"] == 1


def test_killing_a_replica_with_many_tasks_takes_no_square_of_them() -> None:
    # 40 000 wait; were each sought among all, this test would last for minutes
    events = [{"at": "2 s", "set": {"services.a.down": [0]}}]
    sources = {"in": {"call": "a.get", "every": "0.001953125 s", "batch": 100}}
    result = totals(run({"a": worker("1 h")}, sources, 2.001, events))
    # one each 1/512 s from 1/512 s on: 1023 before 2 s, and that of 2 s itself finds it down
    assert outcomes(result, "a.get") == {"unavailable": 102_400}
    assert result["station_starts"]["a.x"] + result["station_left"]["a.x"] == 102_300


# Growth: pools that begin small and grow give what large ones give


def larger(mapping: Mapping) -> tuple[Simulation, list[dict[str, np.ndarray]]]:
    """Run with pools that need not grow."""
    simulation = prepare(parse_run(mapping))
    simulation.plan.task_reserve = 1 << 18
    simulation = Simulation(
        simulation.run, simulation.plan, type(simulation.world)(simulation.plan, simulation.run.seed)
    )
    windows: list[dict[str, np.ndarray]] = []
    simulate(simulation, lambda k, end_s, values: windows.append(dict(values)))
    return simulation, windows


def test_many_who_wait_start_at_once_when_servers_come() -> None:
    # 102 400 tasks, 100 each 1/512 s, wait for a server from 2 s on: all start then and end at 2.5 s.
    # Waits: 100 · Σ (2 − k/512), k = 1 … 1024, is 100 · (2048 − 1025) = 102 300 s
    events = [{"at": "2 s", "set": {"services.a.stations.x.servers": 200_000}}]
    sources = {"in": {"call": "a.get", "every": "0.001953125 s", "batch": 100}}
    mapping = run({"a": worker("0.5 s", servers=0)}, sources, 2.001, events)
    simulation, windows = simulated(mapping)
    assert windows[0]["station_starts"][0] == 102_400
    assert windows[0]["station_in_service"][0] == 102_400
    assert windows[0]["station_wait"][0] == pytest.approx(102_300)
    # by 2.75 s the many have ended, and those who came until before 2.25 s: k = 1152 … 1407 are in service
    later = totals({**mapping, "until": "2.75 s"})
    assert later["endpoint_time"]["a.get"] == pytest.approx(102_300 + later["endpoint_outcomes"]["a.get"]["ok"] * 0.5)
    assert later["station_in_service"]["a.x"] == later["endpoint_in_flight"]["a.get"] == 25_600
    big, expected = larger(mapping)
    assert_same_bits(windows, expected)
    assert len(big.world.arrays["nodes"]) >= len(simulation.world.arrays["nodes"])


def test_a_million_messages() -> None:
    # 1000 messages each 1/512 s for 2 s; no consumer until one comes at 2 s and takes them by hundreds, 1/64 s each
    services = {
        "a": {
            "queues": {"jobs": {"handler": "handle", "consumers": 0, "batch": 100}},
            "endpoints": {"get": {"steps": [{"publish": "a.jobs"}]}, "handle": {"steps": [{"sleep": "0.015625 s"}]}},
        }
    }
    events = [{"at": "2 s", "set": {"services.a.queues.jobs.consumers": 1}}]
    sources = {"in": {"call": "a.get", "every": "0.001953125 s", "batch": 1000}}
    result = totals(run(services, sources, 3, events))
    # from 2 s on (that of 2 s is the first publish after the change) a batch each 1/64 s: 63 ended and one under way
    assert result["queue_published"]["a.jobs"] == 1_535_000
    assert result["queue_delivered"]["a.jobs"] == 6300
    assert result["queue_waiting"]["a.jobs"] == 1_535_000 - 6400
    assert result["queue_length_max"]["a.jobs"] == result["queue_waiting"]["a.jobs"]


def test_many_consumers_come_at_once() -> None:
    # 50 000 messages wait; 20 000 consumers come at 2 s and start at the next publish, 20 000 tasks in one event
    services = {
        "a": {
            "queues": {"jobs": {"handler": "handle", "consumers": 0}},
            "endpoints": {"get": {"steps": [{"publish": "a.jobs"}]}, "handle": {"steps": [{"sleep": "10 s"}]}},
        }
    }
    events = [{"at": "2 s", "set": {"services.a.queues.jobs.consumers": 20_000}}]
    sources = {"in": {"call": "a.get", "every": "0.00390625 s", "batch": 100}}
    result = totals(run(services, sources, 2.001, events))
    assert result["queue_published"]["a.jobs"] == 51_200
    assert result["endpoint_in_flight"]["a.handle"] == 20_000
    assert result["queue_waiting"]["a.jobs"] == 31_200


def test_a_script_that_sends_to_many() -> None:
    services = {
        "a": {"endpoints": {"get": {"steps": [{"send": "b.get"} for _ in range(5000)]}}},
        "b": {"endpoints": {"get": {"steps": [{"sleep": "1 s"}]}}},
    }
    result = totals(run(services, at(1, 1, 1), 1.5))
    assert result["endpoint_in_flight"]["b.get"] == 15_000


def test_many_who_think() -> None:
    # 300 000 users think 1 s, then 1500 s, beyond one turn of the sleepers' wheel: two requests each by 1502 s
    users = {
        "population": 300_000, "arrivals": "closed", "think": "1500 s",
        "sessions": {"types": {"all": {"requests": 1, "mix": {"page": {"call": "a.get", "weight": 1}}}}},
    }  # fmt: skip
    result = totals(run({"a": {"endpoints": {"get": {}}}}, {}, 3001, platform={"users": users}))
    assert result["users_requests"]["all.page"] == 600_000
    assert result["users_thinking"] == 300_000


def test_many_fetches_at_once() -> None:
    # requests for 20 000 items, each as likely, within a second; each item is fetched once, which takes 10 s
    services = {
        "a": {
            "caches": {"near": {"key": "item", "ttl": "1 h", "coalesce": True}},
            "endpoints": {"get": {"steps": [{"lookup": "near", "on_miss": [{"sleep": "10 s"}, {"store": "near"}]}]}},
        }
    }
    sources = {"in": {"call": "a.get", "spikes": [{"at": "1 s", "count": 100_000, "for": "1 s"}], "item": "random"}}
    mapping = run(services, sources, 20, platform={"content": {"items": 20_000, "popularity": 0}})
    _, windows = simulated(mapping)
    assert windows[0]["cache_stores"][0] == windows[0]["cache_misses"][0] == windows[0]["cache_entries"][0]
    # an item is not asked for with probability e^−5: 20 000·(1 − e^−5) = 19 865 ± 12
    assert abs(windows[0]["cache_entries"][0] - 19_865) < 60
    asked = windows[0]["endpoint_arrivals"][0]
    assert windows[0]["cache_coalesced"][0] == asked - windows[0]["cache_entries"][0]
    assert windows[0]["endpoint_outcomes"][0, 0] == asked
    assert_same_bits(windows, larger(mapping)[1])


def test_a_memory_with_many_entries() -> None:
    # 60 000 entries of 1 kB in a memory for 50 000, by user: 50 000 stay
    services = {
        "a": {
            "memory": {"limit": "50 MB"},
            "caches": {"near": {"key": "user", "ttl": "1 h", "of": "a", "entry_size": "1 kB"}},
            "endpoints": {"get": {"steps": [{"store": "near"}]}},
        }
    }
    users = {
        "population": 60_000, "arrivals": "closed", "think": "1 s",
        "sessions": {"types": {"all": {"requests": 1, "mix": {"page": {"call": "a.get", "weight": 1}}}}},
    }  # fmt: skip
    result = totals(run(services, {}, 1.5, platform={"users": users}))
    assert result["cache_stores"]["a.near"] == 60_000
    assert result["cache_entries"]["a.near"] == 50_000
    assert result["cache_evictions"]["a.near"] == 10_000
