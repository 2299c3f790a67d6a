"""Names that point nowhere, and platforms that could never run."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_platform import put, small

from sfmodel.errors import ConfigError
from sfmodel.schema import parse_run
from sfmodel.schema.references import check_references

WEB = "platform.services.web"
DB = "platform.services.db"
GET = f"{WEB}.endpoints.get"


def mistakes(**changes: object) -> list[str]:
    mapping = small()
    for key, value in changes.items():
        put(mapping, key, value)
    with pytest.raises(ConfigError) as raised:
        check_references(parse_run(mapping))
    return str(raised.value).splitlines()


def test_the_small_platform_is_right() -> None:
    check_references(parse_run(small()))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (f"{GET}.steps.1.call", "dbb.query", f"{GET}.steps.1.call: there is no service 'dbb'; did you mean 'db'?"),
        (
            f"{GET}.steps.1.call",
            "db.quer",
            f"{GET}.steps.1.call: there is no endpoint of db 'quer'; did you mean 'query'?",
        ),
        (
            f"{GET}.steps.1.call",
            "query",
            f"{GET}.steps.1.call: expected service.endpoint, found 'query'; did you mean 'db.query'?",
        ),
        (f"{GET}.hold", "worker", f"{GET}.hold: there is no station of web 'worker'; did you mean 'workers'?"),
        (
            f"{GET}.steps.1.on_timeout",
            {"use": "worker", "time": 0},
            f"{GET}.steps.1.on_timeout.use: there is no station of web 'worker'; did you mean 'workers'?",
        ),
        (f"{GET}.steps.0.lookup", "page", f"{GET}.steps.0.lookup: there is no cache 'page'; did you mean 'pages'?"),
        (
            f"{GET}.steps.1",
            {"pass": "limit"},
            f"{GET}.steps.1.pass: there is no limiter of web 'limit'; there are none here",
        ),
        (
            f"{GET}.steps.1",
            {"publish": "db.x"},
            f"{GET}.steps.1.publish: there is no queue 'db.x'; there are none here",
        ),
        (f"{GET}.steps.1", {"count": "cost"}, f"{GET}.steps.1.count: there is no counter 'cost'; there are none here"),
        (f"{WEB}.down", [1], f"{WEB}.down.0: there is no replica 1; web has replica 0 alone"),
        (f"{WEB}.replica_speed", {2: 0.5}, f"{WEB}.replica_speed.2: there is no replica 2; web has replica 0 alone"),
        (
            f"{WEB}.queues",
            {"mail": {"handler": "gett"}},
            f"{WEB}.queues.mail.handler: there is no endpoint of web 'gett'; did you mean 'get'?",
        ),
        (
            f"{WEB}.caches.pages.of",
            "db",
            f"{WEB}.caches.pages.of: service 'db' has no memory; give it one, or name one that has: redis",
        ),
        (
            f"{WEB}.caches.pages.entry_size",
            "2 GB",
            f"{WEB}.caches.pages.entry_size: one entry of 2,000,000,000 bytes is larger than "
            "services.redis.memory.limit, 1,000,000,000 bytes",
        ),
        (
            f"{WEB}.caches.pages.read",
            "redis.gets",
            f"{WEB}.caches.pages.read: there is no endpoint of redis 'gets'; did you mean 'get'?",
        ),
        (
            "platform.sources.crawler.call",
            "webb.get",
            "platform.sources.crawler.call: there is no service 'webb'; did you mean 'web'?",
        ),
        (
            "platform.users.sessions.types.visit.mix.page.call",
            "web.gt",
            "platform.users.sessions.types.visit.mix.page.call: there is no endpoint of web 'gt'; did you mean 'get'?",
        ),
        (
            "demand",
            {"series": {"file": "gone.csv"}},
            "demand.series.file: there is no file 'gone.csv', in the working directory or in the package's conf/",
        ),
        (
            f"{DB}.endpoints.query.steps.0",
            {"use": "cpu", "time": {"empirical": {"file": "gone.csv", "column": "x"}}},
            f"{DB}.endpoints.query.steps.0.time.empirical.file: there is no file 'gone.csv', "
            "in the working directory or in the package's conf/",
        ),
        (
            "platform.users",
            None,
            f"{WEB}.caches.pages.key: 'user' needs users, and the platform has none; "
            "add platform.users, or choose another",
        ),
    ],
)
def test_a_name_that_points_nowhere(key: str, value: object, expected: str) -> None:
    assert mistakes(**{key: value}) == [expected]


def test_a_file_in_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "curve.csv").write_text("timestamp,value\n0,1\n")
    monkeypatch.chdir(tmp_path)
    check_references(parse_run(small(demand={"series": {"file": "curve.csv"}})))


def test_an_endpoint_that_waits_for_itself() -> None:
    assert mistakes(**{f"{DB}.endpoints.query.steps.0": {"call": "web.get"}}) == [
        f"{GET}.steps.1: this endpoint waits for itself (web.get → db.query → web.get), "
        f"with {DB}.endpoints.query.steps.0; use send where no reply is needed"
    ]


def test_sending_to_oneself_is_no_recursion() -> None:
    check_references(parse_run(small(platform__services__db__endpoints__query__steps=[{"send": "web.get"}])))


def holds_in_a_circle(**options: object) -> dict[str, object]:
    return {
        f"{GET}.steps.1": {"call": "db.query"},
        f"{WEB}.endpoints.status": {"steps": [{"use": "workers", "time": "1 ms"}]},
        f"{DB}.endpoints.query.steps.0": {"call": "web.status", **options},
    }


def test_a_cycle_of_holds_can_deadlock() -> None:
    assert mistakes(**holds_in_a_circle()) == [
        f"{GET}.steps.1: this can deadlock: a server of each station is held while the next is queued for "
        f"(web.workers → db.cpu → web.workers), with {DB}.endpoints.query.steps.0; "
        "release one first, or bound the waiting with a timeout"
    ]


def test_two_stations_held_in_opposite_order() -> None:
    twice = {
        f"{WEB}.stations.locks": {"servers": 1},
        f"{WEB}.endpoints.a": {"hold": "locks", "steps": [{"hold": "workers", "do": [{"sleep": "1 ms"}]}]},
        f"{WEB}.endpoints.b": {"hold": "workers", "steps": [{"hold": "locks", "do": [{"sleep": "1 ms"}]}]},
    }
    (line,) = mistakes(**twice)
    assert "web.workers → web.locks → web.workers" in line or "web.locks → web.workers → web.locks" in line
    assert f"{WEB}.endpoints.a.steps.0" in line
    assert f"{WEB}.endpoints.b.steps.0" in line


def test_a_timeout_bounds_the_waiting() -> None:
    mapping = small()
    for key, value in holds_in_a_circle(timeout="1 s").items():
        put(mapping, key, value)
    check_references(parse_run(mapping))


def test_at_most_four_nested_holds() -> None:
    steps: list = [{"sleep": 0}]
    stations = {f"s{i}": {"servers": 1} for i in range(5)}
    for name in stations:
        steps = [{"hold": name, "do": steps}]
    assert mistakes(**{DB: {"stations": stations, "endpoints": {"query": {"steps": steps}}}}) == [
        f"{DB}.endpoints.query: expected at most 4 holds within each other, found 5"
    ]


def run_of(length: str, clock: str) -> dict:
    return {"until": length, "start": 0, "platform.services.redis.memory.clock": clock}


def test_the_access_clock_of_a_store_is_not_too_fine_for_the_run() -> None:
    # 2^22 ticks of 10 ms are 11.7 h, and half an hour is the warm-up's
    assert mistakes(**run_of("11:30", "10 ms"), warmup="30 min") == [
        "platform.services.redis.memory.clock: 10 ms is too fine for a run of 12 h with its warm-up: an entry has 22 bits "
        "for its last access; use 11 ms or more"
    ]
    for length, clock, warmup in (("11:30", "11 ms", "30 min"), ("11:30", "10 ms", "0 s"), ("47 day", "1 s", "1 day")):
        mapping = small()
        for key, value in {**run_of(length, clock), "warmup": warmup}.items():
            put(mapping, key, value)
        check_references(parse_run(mapping))


def test_a_run_with_caches_is_not_longer_than_their_expiries() -> None:
    assert mistakes(**run_of("47 day", "2 s"), warmup="36 h") == [
        "until: expected at most 48 days with the warm-up, found 48.5: the entries of caches have 32 bits for the "
        "milliseconds of their expiry"
    ]
    mapping = small(until="60 day", warmup="1 day")
    put(mapping, "platform.services.web.caches", {})
    put(mapping, f"{GET}.steps", [{"sleep": 0}])
    put(mapping, "platform.services.redis.memory.clock", "2 s")
    check_references(parse_run(mapping))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({f"{DB}.down": [5]}, f"scenario.events.0: {DB}.down.0: there is no replica 5; db has replica 0 alone"),
        (
            {f"{DB}.replica_speed.7": 2},
            f"scenario.events.0: {DB}.replica_speed.7: there is no replica 7; db has replica 0 alone",
        ),
    ],
)
def test_an_event_must_leave_a_platform_that_could_run(changes: dict, expected: str) -> None:
    assert mistakes(**{"scenario": {"events": [{"at": "10 s", "set": changes}]}}) == [expected]


def test_events_that_only_together_break_the_platform() -> None:
    caches = {"pages": {"key": "item", "ttl": "1 h", "of": "db", "entry_size": "1 kB"}}
    larger = {"at": "10 s", "set": {f"{WEB}.caches.pages.entry_size": "4 kB"}}
    smaller = {"at": "20 s", "set": {f"{DB}.memory.limit": "2 kB"}}
    changes = {f"{DB}.memory": {"limit": "5 kB"}, f"{WEB}.caches": caches, "scenario": {"events": [larger, smaller]}}
    assert mistakes(**changes) == [
        f"scenario.events: together, from 00:00:20 on: {WEB}.caches.pages.entry_size: one entry of 4,000 bytes is larger "
        "than services.db.memory.limit, 2,000 bytes"
    ]


def test_a_window_so_short_that_its_number_does_not_fit() -> None:
    limiters = {"gate": {"kind": "fixed_window", "key": "item", "limit": 1, "window": "1 us"}}
    (line,) = mistakes(**{f"{WEB}.limiters": limiters})
    assert line.startswith(f"{WEB}.limiters.gate.window: expected at least ")
    assert line.endswith("found 1 us: each key has 32 bits for the number of its window")
