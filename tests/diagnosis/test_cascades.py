"""Cascades that were planted are found, with their way and their time, and none where there is none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from scipy import stats
from small_run import make_run

from sfmodel.diagnosis import Cascade, cascades
from sfmodel.diagnosis.cascade_table import cascades_data
from sfmodel.diagnosis.cascades import _path
from sfmodel.diagnosis.edges import USERS, Edge
from sfmodel.diagnosis.pushes import Pushes
from sfmodel.diagnosis.scene import Scene
from sfmodel.errors import NotInRunError
from sfmodel.running import run_in_memory

from .planted import BEGINS_S, LASTS_S, UNTIL_S, platform, quiet, troubled, way_up

PLATFORMS = 40
FEWEST = int(stats.binom.ppf(0.01, PLATFORMS, 0.95))
"""Of so many platforms fewer are right in one of a hundred tests of a diagnosis that is right in 95 %."""


def test_a_planted_cascade_is_found() -> None:
    found = [(*troubled(seed)[::2], seed) for seed in range(PLATFORMS)]
    right = [
        _is_right(cascades(run_in_memory(troubled(seed)[1])), way_up(tiers, origin)) for tiers, origin, seed in found
    ]
    assert sum(right) >= FEWEST, f"missed on the platforms {[k for k, one in enumerate(right) if not one]}"


def _is_right(found: list[Cascade], way: tuple[str, ...]) -> bool:
    """One cascade, along the way, from within a minute of its begin, over when the trouble is, but for what is waiting."""
    if len(found) != 1 or found[0].path != way:
        return False
    one = found[0]
    return 0 <= one.begins_s - BEGINS_S <= 60 and one.ends_s >= BEGINS_S + LASTS_S / 2 and one.share > 0.5


def test_none_is_found_where_nothing_happens() -> None:
    found = [cascades(run_in_memory(platform(seed)[1])) for seed in range(PLATFORMS)]
    assert sum(not one for one in found) >= FEWEST, [one for one in found if one]


def test_none_is_found_where_some_always_fail_and_the_night_has_little_to_do() -> None:
    found = [cascades(run_in_memory(quiet(seed))) for seed in range(PLATFORMS)]
    assert sum(not one for one in found) >= FEWEST, [(seed, one) for seed, one in enumerate(found) if one]


def test_users_ask_again_only_where_they_asked() -> None:
    """Of two entries one fails four times of five, and is asked again; the other is never."""
    fails = [{"fail": "error", "with_probability": 0.8}]
    mix = {name: {"call": f"{name}.get", "weight": 1} for name in ("web", "api")}
    mapping = {
        "platform": {
            "name": "entries",
            "services": {
                "store": {"endpoints": {"get": {"steps": [{"sleep": "5 ms"}]}}},
                **{name: {"endpoints": {"get": {"steps": [{"call": "store.get"}, *(fails if name == "web" else [])]}}}
                   for name in mix},
            },
            "users": {
                "population": 1000, "arrivals": "sessions", "think": {"exponential": "5 s"},
                "sessions": {"rate": "5/s", "types": {"visit": {"requests": 5, "mix": mix}}},
                "retry": {"probability": 0.9, "attempts": 3, "after": {"exponential": "1 s"}},
            },
        },
        "start": "0 s", "until": "300 s", "window": "10 s", "warmup": "60 s", "seed": 1, "trace": {"one_in": 0},
    }  # fmt: skip
    pushes = Pushes(Scene(run_in_memory(mapping)))
    assert [edge.source for edge in pushes.on("web", slice(0, 30))] == [USERS]
    assert list(pushes.on("api", slice(0, 30))) == []


def test_the_longest_way_up_is_found_among_many() -> None:
    """Each of 24 services drags down all above it: there are four million ways, and one that passes them all."""
    names = [f"s{k:02}" for k in range(24)]
    edges = [Edge(low, high, "waits", 1.0, 0.0) for k, low in enumerate(names) for high in names[k + 1 :]]
    assert _path(edges, "s00", {}, frozenset(["s23"])) == tuple(names)
    assert _path([*edges, Edge("s23", "s05", "waits", 1.0, 0.0)], "s00", {}, frozenset(["s23"])) == tuple(names)


def test_a_trouble_that_nobody_waits_for_is_no_cascade() -> None:
    _, mapping = platform(1)
    mapping = copy.deepcopy(mapping)
    services = mapping["platform"]["services"]
    services["mail"] = {
        "stations": {"cpu": {"servers": 2}},
        "endpoints": {"do": {"steps": [{"use": "cpu", "time": {"exponential": "10 ms"}}]}},
    }
    services["web"]["endpoints"]["do"]["steps"].append({"send": "mail.do"})
    slow = {"at": f"{BEGINS_S} s", "for": f"{LASTS_S} s", "scale": {"services.mail.stations.cpu.speed": 0.1}}
    assert not cascades(run_in_memory({**mapping, "scenario": {"title": "Slow mail", "events": [slow]}}))


SHOP: dict[str, Any] = {
    "platform": {
        "name": "shop", "network": "1 ms",
        "content": {"items": 2000, "clusters": 10},
        "sources": {
            "visits": {"call": "web.page", "rate": "100/s", "item": "random"},
            "purges": {"call": "web.purge", "at": [f"{BEGINS_S + k} s" for k in range(0, 180, 1)]},
        },
        "services": {
            "memory": {"memory": {"limit": "1 GB", "eviction": "random"}, "endpoints": {"get": {"steps": [{"sleep": "1 ms"}]}}},
            "web": {
                "caches": {"pages": {
                    "key": "item", "ttl": "1 h", "of": "memory", "entry_size": "1 kB", "read": "memory.get",
                }},
                "endpoints": {
                    "page": {"steps": [
                        {"lookup": "pages", "on_hit": "return"}, {"call": "database.query"}, {"store": "pages"},
                    ]},
                    "purge": {"steps": [{"invalidate": "pages", "scope": "all"}]},
                },
            },
            "database": {
                "stations": {"connections": {"servers": 1, "queue": 50}},
                "endpoints": {"query": {"steps": [{"use": "connections", "time": {"exponential": "18 ms"}}]}},
            },
        },
    },
    "start": "0 s", "until": f"{UNTIL_S} s", "window": "10 s", "warmup": "120 s", "trace": {"one_in": 0},
}  # fmt: skip
"""A database of 55/s behind a cache that most of 100/s find their page in, and that is purged every second for a while."""


def test_the_misses_that_push_are_found() -> None:
    (found,) = cascades(run_in_memory(SHOP))
    assert found.path == ("memory", "database", "web")
    assert found.cause == "database.connections"
    pushes = {edge.target: edge for edge in found.edges if edge.how == "misses"}
    assert {(edge.source, edge.target) for edge in pushes.values()} == {("memory", "database"), ("memory", "web")}
    assert BEGINS_S <= pushes["database"].begins_s <= BEGINS_S + 30


def test_misses_because_nothing_can_be_stored_come_after_who_cannot_answer() -> None:
    mapping = copy.deepcopy(SHOP)
    del mapping["platform"]["sources"]["purges"]
    mapping["platform"]["services"]["web"]["caches"]["pages"]["ttl"] = "1 min"
    gone = {"at": f"{BEGINS_S} s", "for": f"{LASTS_S} s", "set": {"services.database.stations.connections.servers": 0}}
    (found,) = cascades(run_in_memory({**mapping, "scenario": {"title": "No database", "events": [gone]}}))
    assert found.path == ("database", "web")
    assert ("memory", "database", "misses") in {edge.key for edge in found.edges}


def test_who_answers_late_without_failing_is_kept_waiting() -> None:
    """Calls of the bank run out of time, and the shop does without them: it fails no more than it did."""
    mapping: dict[str, Any] = {
        "platform": {
            "name": "late", "network": "1 ms",
            "sources": {"visits": {"call": "shop.buy", "rate": "50/s"}},
            "services": {
                "shop": {"endpoints": {"buy": {"steps": [
                    {"sleep": "10 ms"}, {"call": "bank.pay", "timeout": "300 ms", "on_failure": "continue"},
                ]}}},
                "bank": {"endpoints": {"pay": {"steps": [{"sleep": {"exponential": "20 ms"}, "label": "thinks"}]}}},
            },
        },
        "start": "0 s", "until": f"{UNTIL_S} s", "window": "10 s", "warmup": "10 s", "trace": {"one_in": 0},
    }  # fmt: skip
    late = {"set": {"services.bank.endpoints.pay.steps.thinks.sleep": "5 s"}}
    event = {"at": f"{BEGINS_S} s", "for": f"{LASTS_S} s", **late}
    (found,) = cascades(run_in_memory({**mapping, "scenario": {"title": "Late", "events": [event]}}))
    assert found.path == ("bank", "shop")
    (edge,) = found.edges
    assert edge.key == ("bank", "shop", "waits")


def test_who_keeps_the_cache_itself_does_not_stand_before_who_drags_it_down() -> None:
    mapping = copy.deepcopy(SHOP)
    del mapping["platform"]["services"]["memory"]
    mapping["platform"]["services"]["web"]["caches"]["pages"] = {"key": "item", "ttl": "1 h"}
    (found,) = cascades(run_in_memory(mapping))
    assert found.path == ("database", "web")
    assert ("web", "database", "misses") in {edge.key for edge in found.edges}


def test_the_retries_that_push_are_found() -> None:
    """A database that fails three of four queries is asked up to four times for each."""
    mapping = copy.deepcopy(SHOP)
    services, sources = mapping["platform"]["services"], mapping["platform"]["sources"]
    del sources["purges"]
    query = {"call": "database.query", "retries": {"attempts": 4, "base": "1 ms"}}
    services["web"]["endpoints"]["page"]["steps"] = [query]
    services["database"]["stations"]["connections"]["servers"] = 20
    services["database"]["endpoints"]["query"]["steps"].insert(
        0, {"fail": "error", "with_probability": 1e-9, "label": "breaks"}
    )
    key = "services.database.endpoints.query.steps.breaks.with_probability"
    fails = {"at": f"{BEGINS_S} s", "for": f"{LASTS_S} s", "set": {key: 0.75}}
    (found,) = cascades(run_in_memory({**mapping, "scenario": {"title": "Fails", "events": [fails]}}))
    assert found.path == ("database", "web")
    (push,) = [edge for edge in found.edges if edge.how == "retries"]
    assert (push.source, push.target) == ("web", "database")
    assert push.share == pytest.approx(1, abs=0.05)


def test_a_run_of_an_older_version_is_a_sentence() -> None:
    with pytest.raises(NotInRunError, match="made by an older version; make it again"):
        cascades(make_run(2).drop_vars("endpoint_causes"))


def test_cascades_are_data_that_json_holds() -> None:
    _, mapping, _ = troubled(0)
    (found,) = cascades_data(cascades(run_in_memory(mapping)))
    assert {"cause", "path", "begins_s", "edges"} <= found.keys()
    assert {"source", "target", "how", "share", "begins_s"} == set(found["edges"][0])
