"""What a user reads after a mistake in a platform file."""

from __future__ import annotations

import pytest
from small_platform import put, small

from sfmodel.errors import ConfigError
from sfmodel.schema import parse_run

STEPS = "platform.services.web.endpoints.get.steps"


def mistakes(key: str, value: object) -> list[str]:
    mapping = small()
    put(mapping, key, value)
    with pytest.raises(ConfigError) as raised:
        parse_run(mapping)
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("sed", 3, "sed: unknown key 'sed'; did you mean 'seed'?"),
        ("tick", 0, "tick: expected a value above 0, found 0"),
        (
            "platform.services.db.stations.cpu.servers",
            "four",
            "platform.services.db.stations.cpu.servers: expected a number or 'unlimited', found 'four'",
        ),
        (
            "platform.services.db.stations.cpu.servers",
            -1,
            "platform.services.db.stations.cpu.servers: expected a factor that is not negative, found '-1'",
        ),
        (
            "platform.services.db.stations.cpu.order",
            "fifoo",
            "platform.services.db.stations.cpu.order: unknown value 'fifoo'; did you mean 'fifo'?",
        ),
        (
            "platform.sources.crawler.rate",
            "-1/s",
            "platform.sources.crawler.rate: expected a rate that is not negative, found '-1/s'",
        ),
        (
            "platform.sources.crawler.spikes",
            [{"at": "1 s", "count": "many"}],
            "platform.sources.crawler.spikes.0.count: expected a factor such as '1.5', found 'many'",
        ),
        (
            "demand",
            {"points": {"noon": 1}},
            "demand.points.noon: expected a time of day such as '15:30' or '24h', found 'noon'",
        ),
        (
            "platform.services.db.replica_speed",
            {"0": 0},
            "platform.services.db.replica_speed.0: expected a value above 0, found 0",
        ),
        (
            "platform.services.db.endpoints.query.steps.0.sleep",
            "1e18 s",
            "platform.services.db.endpoints.query.steps.0.sleep: expected a duration of at most 1e+10 s, some 300 "
            "years, found '1e18 s'",
        ),
        (
            "platform.services.db.stations.cpu",
            {"servers": "unlimited", "scaling": {"min": 1, "max": 3}},
            "platform.services.db.stations.cpu: expected a number of servers where there is scaling, found unlimited",
        ),
        (
            "platform.users.sessions.types.visit.requests",
            1e18,
            "platform.users.sessions.types.visit.requests: expected a value of at most 3,000, found 1e+18",
        ),
        ("window", "1 us", "window: expected at least 0.00036 s for a run so long, 10,000,000 windows at most"),
        ("platform.services.db", None, "platform.services.db: expected a mapping (key: value), found nothing"),
    ],
)
def test_one_line_names_the_key(key: str, value: object, expected: str) -> None:
    assert mistakes(key, value) == [expected]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            {"call": "db.query", "timeout": "5 MB"},
            ".timeout: expected a duration such as '5 ms', found '5 MB', which is in megabyte",
        ),
        (
            {"call": "db.query", "retries": {"base": "3"}},
            ".retries.base: expected a duration such as '5 ms', found '3', which has no unit",
        ),
        (
            {"call": "db.query", "retries": {True: ["timeot"]}},
            ".retries.on.0: unknown value 'timeot'; did you mean 'timeout'?",
        ),
        ({"call": "db.query", "tiemout": "1 s"}, ".tiemout: unknown key 'tiemout'; did you mean 'timeout'?"),
        ({"cal": "db.query"}, ": expected a verb in the step, found 'cal'; did you mean 'call'?"),
        (
            {"call": "db.query", "on_timeout": {"use": "workers", "time": "soon"}},
            ".on_timeout.time: expected a duration such as '5 ms', found 'soon'",
        ),
        (
            {"choose": [{"probability": 1, "do": [{"sleep": 0}, {"sleep": "x"}]}]},
            ".choose.0.do.1.sleep: expected a duration such as '5 ms', found 'x'",
        ),
        (
            {"choose": [{"probability": 0.5}, {"probability": 0.2}]},
            ".choose: expected probabilities that sum to 1, found 0.7",
        ),
        ({"fork": [["return"]], "join": "al"}, ".join: expected a number or 'all', found 'al'; did you mean 'all'?"),
        (
            {"fork": [["return"], ["return"]], "join": 3},
            ".fork: expected a join of at most the 2 branches, found 3: it could never succeed",
        ),
        (
            {"use": "workers", "time": {"lognorml": {}}},
            ".time: unknown distribution 'lognorml'; did you mean 'lognormal'?",
        ),
        (
            {"use": "workers", "time": {"lognormal": {"mean": "5 MB", "cv": 1}}},
            ".time.lognormal.mean: expected a duration such as '5 ms', found '5 MB', which is in megabyte",
        ),
        (
            {"use": "workers", "time": "1 s", "slowed_by": [{"station": "cpu", "ech": 0.1}]},
            ".slowed_by.0.ech: unknown key 'ech'; did you mean 'each'?",
        ),
        ({"use": "workers", "tme": "1 s"}, ".tme: unknown key 'tme'; did you mean 'time'?"),
    ],
)
def test_steps_are_named_as_written(step: dict, expected: str) -> None:
    lines = mistakes(f"{STEPS}.1", step)
    assert len(lines) == 1
    assert lines[0].replace(" or 'first'", "") == f"{STEPS}.1{expected}"


def test_all_mistakes_at_once_and_the_mistyped_key_before_the_missing_one() -> None:
    lines = mistakes("platform", {"nam": "x", "services": {"a": {"stations": {"cpu": {"severs": 1, "speed": 0}}}}})
    assert lines == [
        "platform.services.a.stations.cpu.speed: expected a value above 0, found 0",
        "platform.services.a.stations.cpu.severs: unknown key 'severs'; did you mean 'servers'?",
        "platform.nam: unknown key 'nam'; did you mean 'name'?",
    ]


def test_yaml_reads_on_as_true_and_it_is_still_the_key_on() -> None:
    mapping = small()
    put(mapping, f"{STEPS}.1.retries", {"attempts": 3, True: ["timeout"]})
    run = parse_run(mapping)
    assert run.platform.services["web"].endpoints["get"].steps[1].retries.on == ("timeout",)  # type: ignore[attr-defined]


def sliding(limit: int, key: str | None) -> dict:
    return {"clients": {"kind": "sliding_window", "limit": limit, "window": "1 min", "key": key}}


def test_a_sliding_window_with_a_key_counts_to_65_535() -> None:
    assert mistakes("platform.services.web.limiters", sliding(65_536, "user")) == [
        "platform.services.web.limiters.clients: expected a limit of at most 65,535 for a sliding_window with a key, "
        "found 65,536: each key's counts have 16 bits; use a shorter window, or a token_bucket"
    ]
    parse_run(small(platform__services__web__limiters=sliding(65_535, "user")))
    parse_run(small(platform__services__web__limiters=sliding(65_536, None)))


def test_bytes_are_no_number() -> None:
    assert "which is in megabyte" in mistakes("platform.services.db.stations.cpu.servers", "5 MB")[0]
