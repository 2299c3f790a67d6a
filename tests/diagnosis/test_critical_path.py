"""Where the time of requests goes: known by construction, and computed another way on generated platforms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xarray as xr
from reference.platforms import run as generated

from sfmodel.diagnosis.critical_path import Part, critical_paths, divide
from sfmodel.diagnosis.scripts import scripts_of
from sfmodel.diagnosis.shares import NS
from sfmodel.diagnosis.timelines import Traces
from sfmodel.diagnosis.waits import Waits
from sfmodel.errors import SfmodelError

from .traced import swept, traced

PLATFORMS = 16


def use(seconds: str, station: str = "cpu") -> dict[str, Any]:
    return {"use": station, "time": seconds}


def service(*steps: Any, servers: Any = "unlimited", **more: Any) -> dict[str, Any]:
    return {"stations": {"cpu": {"servers": servers}}, "endpoints": {"do": {"steps": list(steps)}}, **more}


def platform(network: str = "0 s", every: str = "1 s", **services: Any) -> dict[str, Any]:
    """A request to `web.do` every so often for a minute."""
    return {
        "platform": {
            "name": "known", "network": network, "services": services,
            "sources": {"visits": {"call": "web.do", "every": every}},
        },
        "start": "0 s", "until": "60 s", "window": "10 s",
    }  # fmt: skip


def means_ms(mapping: dict[str, Any], folder: Path) -> dict[Part, float]:
    """What a request to `web.do` is made of, ms, in the mean."""
    ds, spans = traced(mapping, folder)
    in_time = ds["time"].values < 50  # calls under way when the run ends have no spans
    (found,) = [one for one in critical_paths(ds, spans, in_time) if one.endpoint == "web.do"]
    assert sum(found.every.parts_ns.values()) == found.every.total_ns
    assert sum(found.slowest.parts_ns.values()) == found.slowest.total_ns
    # parts of some nanoseconds come from rounding moments to whole ones
    parts = {part: 1000 * found.every.mean_of_s(part) for part in found.every.parts_ns}
    return {part: time for part, time in parts.items() if time > 1e-4}


def test_a_slow_callee(tmp_path: Path) -> None:
    """30 ms on each way."""
    found = means_ms(
        platform("30 ms", web=service(use("10 ms"), {"call": "shop.do"}), shop=service(use("200 ms"))), tmp_path
    )
    assert found == pytest.approx({Part("shop", "work"): 200, Part("shop", "network"): 60, Part("web", "work"): 10})


def test_of_parallel_branches_the_last_counts(tmp_path: Path) -> None:
    """The second branch takes 20 + 50 + 15 ms, the first 40 ms: what ends before it does not count, and what was sent neither."""
    branches = [[{"call": "quick.do"}], [{"call": "first.do"}, {"sleep": "15 ms"}, {"call": "slow.do"}]]
    web = service({"send": "mail.do"}, {"fork": branches}, use("5 ms"))
    others = {
        "quick": service(use("40 ms")), "first": service(use("20 ms")), "slow": service(use("50 ms")),
        "mail": service(use("500 ms")),
    }  # fmt: skip
    found = means_ms(platform(web=web, **others), tmp_path)
    assert found == pytest.approx({
        Part("slow", "work"): 50, Part("first", "work"): 20, Part("web", "other"): 15, Part("web", "work"): 5,
    })  # fmt: skip


def test_of_a_fork_that_needs_one_the_first_to_end_counts(tmp_path: Path) -> None:
    web = service({"fork": [[{"call": "slow.do"}], [{"call": "quick.do"}]], "join": "first"}, use("100 ms"))
    found = means_ms(platform(web=web, slow=service(use("70 ms")), quick=service(use("40 ms"))), tmp_path)
    assert found == pytest.approx({Part("web", "work"): 100, Part("quick", "work"): 40})


def test_retries_and_attempts_that_timed_out(tmp_path: Path) -> None:
    """Two attempts of 50 ms, 20 ms between them; what the callee does afterwards keeps nobody."""
    call = {
        "call": "shop.do", "timeout": "50 ms", "on_timeout": "continue",
        "retries": {"attempts": 2, "backoff": "constant", "base": "20 ms", "jitter": "none"},
    }  # fmt: skip
    found = means_ms(platform(web=service(call, use("10 ms")), shop=service(use("300 ms"))), tmp_path)
    assert found == pytest.approx({
        Part("shop", "work"): 100, Part("web", "backoff", "shop.do"): 20, Part("web", "work"): 10,
    })  # fmt: skip


def test_retries_of_a_call_whose_callee_calls_in_turn(tmp_path: Path) -> None:
    """The shop's own call does not hide that web has tried twice."""
    call = {
        "call": "shop.do", "timeout": "50 ms", "on_timeout": "continue",
        "retries": {"attempts": 2, "backoff": "constant", "base": "20 ms", "jitter": "none"},
    }  # fmt: skip
    shop = service({"call": "database.do"})
    tried = platform(web=service(call), shop=shop, database=service(use("300 ms")))
    assert means_ms(tried, tmp_path) == pytest.approx({
        Part("database", "work"): 100, Part("web", "backoff", "shop.do"): 20,
    })  # fmt: skip
    _, spans = traced(tried, tmp_path)
    asked = spans.filter(pl.col("call") == "web.do>shop.do").sort("trace", "start_s")["attempt"].to_list()
    assert asked == [0, 1] * (len(asked) // 2)
    assert len(asked) > 100


def test_a_call_that_hangs_is_followed_down_to_who_hangs(tmp_path: Path) -> None:
    """Web waits 100 ms for the shop, which waits for the database all but 10 ms of them."""
    web = service({"call": "shop.do", "timeout": "100 ms", "on_timeout": "continue"})
    shop = service(use("10 ms"), {"call": "database.do"}, use("10 ms"))
    found = means_ms(platform(web=web, shop=shop, database=service(use("2 s"))), tmp_path)
    assert found == pytest.approx({Part("database", "work"): 90, Part("shop", "work"): 10})


def test_a_hedge_that_wins(tmp_path: Path) -> None:
    """The first attempt goes to a slow replica; the second, 40 ms later, to one that takes 30 ms."""
    shop = service(use("30 ms"), replicas=2, balancer="round_robin", replica_speed={0: 0.05})
    found = means_ms(platform(web=service({"call": "shop.do", "hedge": {"after": "40 ms"}}), shop=shop), tmp_path)
    assert found == pytest.approx({Part("shop", "work"): 70})


def test_a_saturated_station(tmp_path: Path) -> None:
    """Two servers, each with 100 ms of work every 90 ms: the n-th request waits 5 n ms of 100 and more."""
    found = means_ms(platform(every="45 ms", web=service(use("100 ms"), servers=2)), tmp_path)
    assert set(found) == {Part("web", "work"), Part("web", "queue", "web.cpu")}
    assert found[Part("web", "work")] == pytest.approx(100)
    assert found[Part("web", "queue", "web.cpu")] > 20 * found[Part("web", "work")]


def test_waits_are_put_down_to_the_station_that_is_waited_for(tmp_path: Path) -> None:
    """Eight workers for what takes 90 ms every 10 ms, and cores enough: it waits for workers, not for cores."""
    web = service(use("90 ms"), servers=20)
    web["stations"]["workers"] = {"servers": 8}
    web["endpoints"]["do"]["hold"] = "workers"
    found = means_ms(platform(every="10 ms", web=web), tmp_path)
    assert found.keys() == {Part("web", "work"), Part("web", "queue", "web.workers")}


def test_the_slowest_are_divided_apart(tmp_path: Path) -> None:
    """One request in twenty-five waits a second for the shop."""
    web = service(use("10 ms"), {"call": "shop.do", "with_probability": 0.04})
    mapping = platform(every="10 ms", web=web, shop=service(use("1 s")))
    found = next(one for one in critical_paths(*traced(mapping, tmp_path)) if one.endpoint == "web.do")
    assert found.slowest.count == round(0.05 * found.every.count)
    assert found.slowest.share(Part("shop", "work")) > 0.95 > found.every.share(Part("shop", "work"))


def test_shares_of_a_sample_are_within_their_intervals(tmp_path: Path) -> None:
    """Of ten samples of a tenth of the requests 95 %: that more than 3 lie outside has a chance of 0.1 % (binomial)."""
    shop = service({"use": "cpu", "time": {"exponential": "40 ms"}}, servers=2)
    web = service({"use": "cpu", "time": {"exponential": "10 ms"}}, {"call": "shop.do", "with_probability": 0.5})
    ds, spans = traced({**platform(every="30 ms", web=web, shop=shop), "until": "150 s"}, tmp_path)
    (every,) = critical_paths(ds, spans)
    names = spans.filter(pl.col("parent").is_null()).sort("start_s")["trace"].to_list()
    for part in (Part("web", "work"), Part("shop", "work")):
        outside = 0
        for k in range(10):
            (some,) = critical_paths(ds, spans.filter(pl.col("trace").is_in(names[k::10])))
            outside += abs(some.every.share(part) - every.every.share(part)) > some.every.halves[part]
        assert outside <= 3


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[xr.Dataset, Traces]]:
    """Runs of generated platforms with every mechanism, and their traces."""
    folder, found = tmp_path_factory.mktemp("generated"), []
    for seed in range(PLATFORMS):
        try:
            ds, spans = traced(generated(seed, random=True), folder)
        except SfmodelError:
            continue  # a platform that is refused, or on which nothing was traced
        found.append((ds, Traces(spans, scripts_of(ds))))
    return found


def test_another_computation_agrees_on_generated_platforms(platforms: list[tuple[xr.Dataset, Traces]]) -> None:
    """Forwards, moment by moment, and backwards along the calls: the same parts, of requests without forks."""
    requests = 0
    for ds, traces in platforms:
        waits = Waits(ds, traces.scripts)
        for root in traces.roots:
            found = divide(traces, waits, root)
            assert sum(found.values()) == traces.ended[root]
            assert min(found.values(), default=0) >= 0
            if not any(traces.scripts.of[name].joins for name in set(traces.endpoint)):
                other = swept(traces, waits, root)
                # moments rounded to nanoseconds may lie a few of them apart
                assert all(abs(found[part] - other[part]) <= 20 for part in {*found, *other}), (found, other)
                requests += 1
    assert requests > 500


def test_the_engine_has_metered_that_callers_waited_so_long(platforms: list[tuple[xr.Dataset, Traces]]) -> None:
    """`call_time` is counted as the caller waits; in the traces it follows from who ended when, and from timeouts."""
    sites = 0
    for ds, traces in platforms:
        if "call" not in ds.coords:
            continue
        counted = ds["call_outcomes"].sum(("time", "outcome")) - ds["call_outcomes"].sel(outcome="open").sum("time")
        for label, site in traces.scripts.sites.items():
            calls = [k for k, name in enumerate(traces.label) if name == label and traces.parent[k] >= 0]
            if not site.awaited or traces.scripts.of[site.caller].joins or len(calls) != int(counted.sel(call=label)):
                continue  # of forks, and of calls under way when the run ends, not all is known
            waited = sum(traces.waited_until(k) - traces.start[k] for k in calls) / NS
            assert waited == pytest.approx(float(ds["call_time"].sel(call=label).sum()), abs=1e-8 * max(1, len(calls)))
            sites += bool(calls)
    assert sites >= 5
