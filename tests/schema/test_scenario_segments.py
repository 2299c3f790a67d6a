"""The effective configuration of each stretch of time."""

from __future__ import annotations

import pytest
from small_platform import small

from sfmodel.errors import ConfigError
from sfmodel.plan import build_plan
from sfmodel.schema import parse_run
from sfmodel.schema.references import check_references
from sfmodel.schema.scenario_segments import segments

FILE = "data/nab/elb_request_count_8c0756.csv"
CPU = "services.db.stations.cpu"


def with_events(*events: dict, **changes: object):
    return parse_run(small(scenario={"events": list(events)}, **changes))


def servers(run) -> float:
    return run.platform.services["db"].stations["cpu"].servers


def test_without_events_the_run_itself() -> None:
    run = parse_run(small(start="1h", until="2h", warmup="10 min"))
    assert segments(run) == [(3000.0, run)]


def test_base_event_base() -> None:
    run = with_events({"at": "10 s", "for": "5 s", "set": {f"{CPU}.servers": 1}})
    assert [(t, servers(r)) for t, r in segments(run)] == [(0.0, 4.0), (10.0, 1.0), (15.0, 4.0)]


def test_overlapping_events_apply_in_listed_order_and_set_comes_before_scale() -> None:
    run = with_events(
        {"at": "10 s", "for": "20 s", "set": {f"{CPU}.servers": 8}, "scale": {f"{CPU}.servers": 0.5}},
        {"at": "20 s", "for": "20 s", "scale": {f"{CPU}.servers": 3}},
    )
    assert [(t, servers(r)) for t, r in segments(run)] == [(0, 4), (10, 4), (20, 12), (30, 12), (40, 4)]


def test_an_event_that_began_before_the_run_is_active_at_its_first_moment() -> None:
    run = with_events({"at": "10 s", "for": "1h", "set": {f"{CPU}.servers": 1}}, start="30 s")
    assert [(t, servers(r)) for t, r in segments(run)] == [(30.0, 1.0)]


def test_boundaries_at_or_after_the_end_do_not_count() -> None:
    run = with_events({"at": "10 s", "for": "1h", "set": {f"{CPU}.servers": 1}}, until="1 min")
    assert [t for t, _ in segments(run)] == [0.0, 10.0]


def test_one_server_that_is_left_of_ten_is_one() -> None:
    run = with_events({"at": "10 s", "set": {f"{CPU}.servers": 10}, "scale": {f"{CPU}.servers": 1 - 0.9}})
    assert servers(segments(run)[1][1]) == 1


def test_scale_acts_on_parsed_values_defaults_and_shorthands() -> None:
    scale = {
        f"{CPU}.speed": 0.1,
        "demand.level": 2,
        "services.redis.endpoints.get.steps.0.time": 3,
        "services.web.endpoints.get.steps.1.timeout": 2,
        "services.web.endpoints.get.steps.1.on_timeout.sleep": 5,
        "services.web.caches.pages.ttl": 0.5,
        "services.redis.memory.limit": 0.5,
        "sources.crawler.rate": 10,
        "users.sessions.rate": 3,
        "users.retry.after": 3,
    }
    _, (_, run) = segments(with_events({"at": "10 s", "scale": scale}))
    services, users = run.platform.services, run.platform.users
    web = services["web"].endpoints["get"].steps[1]
    assert services["db"].stations["cpu"].speed == pytest.approx(0.1)
    assert run.demand.level == 2
    assert services["redis"].endpoints["get"].steps[0].time.constant == pytest.approx(0.003)
    assert web.timeout == 2
    assert web.on_timeout[0].sleep.constant == pytest.approx(0.005)
    assert services["web"].caches["pages"].ttl == 30
    assert services["redis"].memory.limit == 5e8
    assert run.platform.sources["crawler"].rate == 10
    assert users.sessions.rate == 3
    assert users.retry.after.constant == 6


def test_the_base_is_untouched() -> None:
    run = with_events({"at": "10 s", "set": {f"{CPU}.servers": 1}})
    segments(run)
    assert run.written["platform"]["services"]["db"]["stations"]["cpu"] == {"servers": 4}


@pytest.mark.parametrize(
    ("option", "key", "value", "expected"),
    [
        ("set", "services.db.stations.cpuu.servers", 1, "did you mean 'cpu'?"),
        ("set", "services.db.stations.cpu.serverss", 1, "did you mean 'servers'?"),
        ("set", "demand.levl", 1, "did you mean 'level'?"),
        ("set", "services.db.replicas", 3, "'services.db.replicas' is structure"),
        ("set", "services.db", {}, "'services.db' is structure"),
        ("set", "constants.wait", "1 s", "constants are put in place before anything else"),
        ("set", "services.web.endpoints.get.steps", [], "is structure"),
        ("set", "services.web.endpoints.get.steps.1.call", "redis.get", "is structure"),
        (
            "set",
            "services.web.endpoints.get.steps.1.breaker.failure_rate",
            0.2,
            "is off, and an event cannot switch it on",
        ),
        ("set", "services.db.stations.cpu.patience", "5 s", "is off, and an event cannot switch it on"),
        ("set", "services.web.caches.pages.warm", 0.5, "the cache is filled at the run's first moment"),
        ("set", "services.web.title", "Web", "is structure"),
        ("set", "sources.crawler.at", ["5 s"], "these times are listed before the run begins"),
        ("set", "sources.crawler.every", "5 s", "expected one of rate with spikes, every, at, file"),
        ("scale", "services.db.stations.cpu.queue", 2, "is not a number that could be scaled; use set"),
        (
            "set",
            "services.db.stations.cpu.servers",
            "5 MB",
            "platform.services.db.stations.cpu.servers: expected a factor",
        ),
        ("scale", "services.web.endpoints.get.steps.0.with_probability", 2, "expected a share between 0 and 1"),
    ],
)
def test_refused(option: str, key: str, value: object, expected: str) -> None:
    run = with_events({"at": "10 s", option: {key: value}})
    with pytest.raises(ConfigError) as raised:
        check_references(run)
    (line,) = str(raised.value).splitlines()
    assert line.startswith("scenario.events.0")
    assert expected in line


@pytest.mark.parametrize(
    ("source", "key", "value", "expected"),
    [
        ({"file": {"file": FILE}}, "file.file", "other.csv", "these times are read before the run begins"),
        ({"every": "5 s"}, "every", None, "would go from 'every' to 'rate'"),
        ({}, "every", "5 s", "would go from 'rate' to 'every'"),
    ],
)
def test_what_makes_the_arrivals_of_a_source_cannot_change(
    source: dict, key: str, value: object, expected: str
) -> None:
    changes = {"at": "10 s", "set": {f"sources.crawler.{key}": value}}
    run = with_events(changes, platform__sources__crawler={"call": "web.get", **source})
    with pytest.raises(ConfigError, match=expected):
        check_references(run)


def test_an_option_that_an_event_switches_off_is_refused_before_the_run() -> None:
    event = {"at": "10 s", "set": {f"{CPU}.patience": None}}
    run = with_events(event, platform__services__db__stations__cpu__patience="3 s")
    check_references(run)
    with pytest.raises(ConfigError, match="what changes at 10 s changes the number of durations"):
        build_plan(run)


def test_keys_that_were_not_written_may_be_set() -> None:
    events = {f"{CPU}.contention.serial": 0.1, "services.db.down": [0], "services.redis.replica_speed.0": 0.3}
    run = with_events({"at": "10 s", "set": events})
    check_references(run)
    services = segments(run)[1][1].platform.services
    assert services["db"].stations["cpu"].contention.serial == 0.1
    assert services["db"].down == [0]
    assert services["redis"].replica_speed == {0: 0.3}
