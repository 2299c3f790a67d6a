"""Each check of lint on a platform made to need it, and the load against sums done by hand."""

from __future__ import annotations

from typing import Any

import pytest

from sfmodel.errors import ConfigError
from sfmodel.lint import (
    CHECKS,
    Hits,
    Subject,
    coalescing,
    dependencies,
    fractions,
    holds,
    lint,
    load,
    outside,
    retries,
    timeouts,
    unbounded,
    unused,
    warmup,
)
from sfmodel.lint.hits import hits_from
from sfmodel.lint.load import rows_of
from sfmodel.schema import parse_run
from sfmodel.schema.references import check_references


def platform(**services: Any) -> dict[str, Any]:
    return {
        "platform": {
            "name": "x",
            "services": services,
            "sources": {"visitors": {"call": "web.get", "rate": "100/s", "follow_demand": True}},
        },
        "demand": {"points": {"12:00": 1, "20:00": 3}},
    }


def service(steps: list, **more: Any) -> dict[str, Any]:
    hold = more.pop("hold", None)
    return {"endpoints": {"get": {"steps": steps, "hold": hold}}, **more}


def subject(mapping: dict[str, Any], hit: float = 0.8) -> Subject:
    run = parse_run(mapping)
    check_references(run)
    return Subject(run, Hits(hit))


def loads(mapping: dict[str, Any], hit: float = 0.8) -> dict[str, tuple[float, float]]:
    return {
        row.key.removeprefix("platform.services."): (row.normal, row.peak) for row in rows_of(subject(mapping, hit))
    }


CPU = {"cpu": {"servers": 4}}


def test_load_is_rate_times_work() -> None:
    found = loads(platform(web=service([{"use": "cpu", "time": {"exponential": "10 ms"}}], stations=CPU)))
    assert found == {"web.stations.cpu.servers": pytest.approx((1.0, 3.0))}


def test_load_follows_probabilities_branches_returns_and_fan_out() -> None:
    work = {"use": "cpu", "time": "10 ms"}
    steps = [
        {**work, "with_probability": 0.5},  # 0.5
        {"choose": [{"probability": 0.2, "do": [work, "return"]}, {"probability": 0.8}]},  # 0.2, and 0.8 go on
        {"fork": [[work], [work]]},  # 1.6
    ]
    found = loads(platform(web=service(steps, stations=CPU)))
    assert found["web.stations.cpu.servers"][0] == pytest.approx(0.5 + 0.2 + 1.6)


def test_a_cache_lets_the_misses_through() -> None:
    steps = [{"lookup": "pages", "on_hit": "return"}, {"use": "cpu", "time": "10 ms"}]
    web = service(steps, stations=CPU, caches={"pages": {"key": "item", "ttl": "1 min"}})
    assert loads(platform(web=web), hit=0.7)["web.stations.cpu.servers"][0] == pytest.approx(0.3)


def test_one_cache_may_hit_more_than_the_others() -> None:
    steps = [{"lookup": "pages", "on_hit": "return"}, {"use": "cpu", "time": "10 ms"}]
    run = parse_run(platform(web=service(steps, stations=CPU, caches={"pages": {"key": "item", "ttl": "1 min"}})))
    hits = hits_from(["50 %", "web.pages=90 %"], run.platform)
    assert rows_of(Subject(run, hits))[0].normal == pytest.approx(0.1)
    with pytest.raises(ConfigError, match=r"there is no cache 'web.page'; did you mean 'web.pages'\?"):
        hits_from(["web.page=1"], run.platform)


def test_a_held_station_is_busy_while_others_work_and_waiting_costs() -> None:
    web = service(
        [{"call": "db.get"}],
        hold="workers",
        stations={"workers": {"servers": 50}, "cpu": {"servers": 4, "waiting_cost": 0.1}},
    )
    db = service([{"sleep": "40 ms"}])
    found = loads({**platform(web=web, db=db), "platform": {**platform(web=web, db=db)["platform"], "network": "5 ms"}})
    assert found["web.stations.workers.servers"] == pytest.approx((5.0, 15.0))
    assert found["web.stations.cpu.servers"] == pytest.approx((0.5, 1.5))


def test_contention_is_the_universal_scalability_law() -> None:
    # load = work · (1 + serial · load), so load = 1 / (1 − 0.2) at work 1 and serial 0.2
    stations = {"cpu": {"servers": 40, "contention": {"serial": 0.2}}}
    found = loads(platform(web=service([{"use": "cpu", "time": "10 ms"}], stations=stations)))
    assert found["web.stations.cpu.servers"][0] == pytest.approx(1.25)


def test_queues_and_limiters() -> None:
    web = service(
        [{"pass": "quota"}, {"publish": "web.mail"}],
        stations=CPU,
        limiters={"quota": {"kind": "token_bucket", "rate": "200/s"}},
        queues={"mail": {"handler": "deliver", "batch": 10, "linger": "1 s"}},
    )
    web["endpoints"]["deliver"] = {"steps": [{"use": "cpu", "time": "10 ms"}]}
    found = loads(platform(web=web))
    assert found["web.limiters.quota.rate"] == pytest.approx((100.0, 300.0))
    assert found["web.stations.cpu.servers"] == pytest.approx((0.1, 0.3))


def test_arrivals_without_a_rate_are_said_not_to_be_counted() -> None:
    mapping = platform(web=service([{"use": "cpu", "time": "1 ms"}], stations=CPU))
    assert not [note for note in load.check(subject(mapping)).notes if note.startswith("not counted")]
    mapping["platform"]["sources"] |= {
        "burst": {"call": "web.get", "spikes": [{"at": "12:30", "count": 100, "for": "60 s"}]},
        "timed": {"call": "web.get", "at": ["13:00"]},
    }
    notes = load.check(subject(mapping)).notes
    assert notes[-1] == "not counted: platform.sources.burst.spikes, platform.sources.timed.at"


def test_an_overloaded_station_is_marked() -> None:
    section = load.check(subject(platform(web=service([{"use": "cpu", "time": "20 ms"}], stations=CPU))))
    assert "50%  150%  OVERLOADED" in section.text()
    assert "assumed: every cache hits 80%" in section.text()
    assert section.faults == [
        "web.cpu is overloaded: at peak 6 of 4, 150% (platform.services.web.stations.cpu.servers)"
    ]


def test_a_station_that_is_nearly_full_or_down_and_unused_is_no_fault() -> None:
    work = [{"use": "cpu", "time": "13 ms"}]
    assert load.check(subject(platform(web=service(work, stations=CPU)))).faults == []  # 98 %
    unused_down = {**CPU, "spare": {"servers": 0}}
    assert load.check(subject(platform(web=service(work, stations=unused_down)))).faults == []


@pytest.mark.parametrize(
    ("keys", "mark", "is_fault"), [({}, "REFUSES", False), ({"when_full": "wait"}, "OVERLOADED", True)]
)
def test_a_limiter_that_refuses_is_no_fault_and_one_that_waits_is(keys: dict, mark: str, is_fault: bool) -> None:
    quota = {"quota": {"kind": "token_bucket", "rate": "200/s", **keys}}
    section = load.check(subject(platform(web=service([{"pass": "quota"}], limiters=quota))))
    assert f"50%  150%  {mark}" in section.text()
    assert bool(section.faults) == is_fault


def chain(**call: Any) -> dict[str, Any]:
    web = service([{"call": "api.get", "timeout": "1 s", "retries": {"attempts": 3}}])
    api = service([{"call": "db.get", **call}])
    return platform(web=web, api=api, db=service([{"sleep": "200 ms"}]))


def test_the_tree_of_dependencies() -> None:
    lines = dependencies.check(subject(chain(timeout="2 s"))).lines
    assert lines == ["web.get", "└─ api.get  [timeout 1 s, 3 attempts]", "   └─ db.get  [timeout 2 s]"]


def test_retries_multiply_along_a_path() -> None:
    lines = retries.check(subject(chain(retries={"attempts": 2, "budget": {}}, hedge={"after": "1 s"}))).lines
    assert lines[0] == "×12  web.get → api.get → db.get"
    assert "platform.services.web.endpoints.get.steps.0.retries.attempts" in lines[1]
    assert "platform.services.api.endpoints.get.steps.0.retries.attempts (bounded by its budget)" in lines[2]
    assert "hedge" in lines[3]


def test_a_caller_that_gives_up_before_its_callee() -> None:
    assert timeouts.check(subject(chain(timeout="2 s"))).lines == [
        "platform.services.web.endpoints.get.steps.0.timeout: 1 s, but api.get may itself wait 2 s for what it calls, "
        "and goes on"
    ]
    assert timeouts.check(subject(chain(timeout="100 ms"))).lines == [
        "platform.services.api.endpoints.get.steps.0.timeout: 100 ms is not more than db.get takes on average, "
        "200 ms without queueing"
    ]
    assert timeouts.check(subject(chain(timeout="500 ms"))).lines == []


def test_calls_without_a_timeout() -> None:
    assert unbounded.check(subject(chain())).lines == [
        "platform.services.api.endpoints.get.steps.0: waits for db.get as long as it takes"
    ]
    assert unbounded.check(subject(chain(timeout="2 s"))).lines == []


def test_a_cycle_of_holds_that_a_timeout_ends() -> None:
    web = service([{"call": "db.get", "timeout": "1 s"}], hold="workers", stations={"workers": {"servers": 2}})
    web["endpoints"]["status"] = {"steps": [{"use": "workers", "time": "1 ms"}]}
    lines = holds.check(subject(platform(web=web, db=service([{"call": "web.status"}])))).lines
    assert lines[0].startswith("web.workers → web.workers: under load these wait for each other until a timeout")
    assert holds.check(subject(platform(web=web, db=service([{"call": "web.status"}])))).faults == lines[:1]
    assert "platform.services.web.endpoints.get.steps.0" in lines[1]


PAGES = {"caches": {"pages": {"key": "item", "ttl": "1 min", "coalesce": True}}}


def coalesced(steps: list, in_db: list) -> list[str]:
    return coalescing.check(subject(platform(web=service(steps, **PAGES), db=service(in_db)))).lines


@pytest.mark.parametrize(
    ("steps", "in_db", "waits", "again"),
    [
        ([{"lookup": "pages"}, {"call": "db.get"}], [{"lookup": "web.pages"}], "web 1", "db 0"),
        ([{"lookup": "pages", "on_miss": {"call": "db.get"}}], [{"lookup": "web.pages"}], "web 0.on_miss", "db 0"),
        (
            [{"lookup": "pages", "with_probability": 0.1}, {"fork": [[{"lookup": "pages"}]]}],
            [],
            "web 1",
            "web 1.fork.0.0",
        ),
        (
            [{"choose": [{"probability": 1, "do": [{"lookup": "pages"}]}]}, {"call": "db.get"}],
            [{"sleep": 0}, {"lookup": "web.pages"}],
            "web 1",
            "db 1",
        ),
        (
            [{"lookup": "pages"}, {"store": "pages", "unless_zombie": True}, {"call": "db.get"}],
            [{"lookup": "web.pages"}],
            "web 2",
            "db 0",
        ),
    ],
)
def test_a_coalesced_miss_that_waits_for_itself(steps: list, in_db: list, waits: str, again: str) -> None:
    (line,) = coalesced(steps, in_db)
    assert coalescing.check(subject(platform(web=service(steps, **PAGES), db=service(in_db)))).faults == [line]
    place = "platform.services.{}.endpoints.get.steps.{}"
    assert line.startswith(f"{place.format(*waits.split())}: after a miss of web.pages")
    assert f"({place.format(*again.split())}), which waits for whoever missed" in line


@pytest.mark.parametrize(
    "steps",
    [
        [{"lookup": "pages"}, {"store": "pages"}, {"call": "db.get"}],
        [{"lookup": "pages"}, {"invalidate": "pages"}, {"call": "db.get"}],
        [{"lookup": "pages", "on_miss": "return"}, {"call": "db.get"}],
        [{"lookup": "pages"}, {"lookup": "pages"}, {"send": "db.get"}],
        [{"call": "db.get"}, {"lookup": "pages"}],
        [{"fork": [[{"lookup": "pages"}]]}, {"call": "db.get"}],
    ],
)
def test_a_leader_that_stores_ends_or_does_not_wait_leads_nobody_astray(steps: list) -> None:
    assert coalesced(steps, [{"lookup": "web.pages"}]) == []


def test_what_nothing_uses() -> None:
    lines = unused.check(subject(platform(web=service([], stations=CPU)))).lines
    assert lines == ["platform.services.web.stations.cpu: nothing uses it"]


@pytest.mark.parametrize(("slow", "found"), [("1.9 s", []), ("2 s", ["2 s"]), ("3 s", ["3 s"])])
def test_a_slow_reply_that_nobody_waits_for(slow: str, found: list[str]) -> None:
    call = {"call": "db.read", "timeout": "2 s", "breaker": {"slow": slow}}
    lines = unused.check(subject(platform(web=service([call]), db={"endpoints": {"read": {"steps": []}}}))).lines
    key = "platform.services.web.endpoints.get.steps.0.breaker.slow"
    assert lines == [f"{key}: no reply takes {text}, since the call waits 2 s" for text in found]


def scenario(start: str, until: str, *events: dict, **sources: Any) -> list[str]:
    mapping = platform(web=service([]))
    mapping["platform"]["sources"] |= sources
    return outside.check(
        subject({**mapping, "start": start, "until": until, "scenario": {"title": "t", "events": list(events)}})
    ).lines


HALF = {"scale": {"network": 0.5}}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (("18:00", "19:00"), []),
        (("18:29", "18:40"), []),  # its end is still in it
        (("18:30", "18:40"), ["scenario.events.0 (18:00 to 18:30) lies outside of what is measured, 18:30 to 18:40"]),
        (("17:00", "18:00"), ["scenario.events.0 (18:00 to 18:30) lies outside of what is measured, 17:00 to 18:00"]),
        (("18:00", "18:00"), []),  # nothing is measured, which the run says itself
    ],
)
def test_an_event_outside_of_the_run(hours: tuple[str, str], expected: list[str]) -> None:
    lines = scenario(*hours, {"at": "18:00", "for": "30 min", **HALF})
    assert lines == [f"{line}; choose start and until around it" for line in expected]


def test_some_events_outside_of_the_run() -> None:
    events = [{"at": f"{hour}:00", **HALF} for hour in (12, 19, 20)]
    assert scenario("18:00", "19:30", *events) == [
        "scenario.events.2 (from 20:00 on) lies outside of what is measured, 18:00 to 19:30; "
        "choose start and until around it"
    ]
    many = [{"at": f"{hour}:00", "for": "30 s", **HALF} for hour in range(1, 6)]
    assert scenario("18:00", "19:30", *many) == [
        "scenario.events.0 (01:00:00 to 01:00:30) and scenario.events.1 (02:00:00 to 02:00:30) and "
        "scenario.events.2 (03:00:00 to 03:00:30) and 2 more lie outside of what is measured, 18:00 to 19:30; "
        "choose start and until around them"
    ]


def test_timed_arrivals_of_a_scenario_outside_of_the_run() -> None:
    bursts = {"call": "web.get", "spikes": [{"at": "18:00", "count": 9}, {"at": "19:00", "count": 9}]}
    (line,) = scenario("18:30", "19:30", once={"call": "web.get", "at": ["18:30", "21:00"]}, bursts=bursts)
    assert line.startswith(
        "platform.sources.once.at.1 (21:00) and platform.sources.bursts.spikes.0 (18:00 to 18:01) lie"
    )


def with_sessions(warmup: str, **keys: Any) -> dict[str, Any]:
    """Sessions of 10 requests on average, one every 30 s."""
    mapping = platform(web=service([{"sleep": "1 s"}]))
    mix = {"get": {"call": "web.get", "weight": 1}}
    users = {
        "population": 10, "think": "28 s", "stretch": 1.0,
        "sessions": {"rate": "1/s", "types": {"all": {"requests": 10, "mix": mix}}}, **keys,
    }  # fmt: skip
    return {**mapping, "platform": {**mapping["platform"], "users": users}, "warmup": warmup}


def test_a_warm_up_that_is_too_short_for_the_sessions() -> None:
    # (1 + 9·(1 − exp(−60/300)))/10 = 26 %; 90 % of the load are there from 300·ln 9 = 659 s on
    assert warmup.check(subject(with_sessions("1 min"))).lines == [
        "warmup, 60 s, is short for sessions of up to 5 min on average: about 26 % of the load is there at the start; "
        "a warmup of 10 min would do"
    ]
    assert warmup.check(subject(with_sessions("658 s"))).lines != []
    assert warmup.check(subject(with_sessions("660 s"))).lines == []
    assert warmup.check(subject(with_sessions("0 s", arrivals="closed"))).lines == []
    assert warmup.check(subject(platform(web=service([])))).lines == []


def test_every_check_has_its_title_in_the_answer_for_streamflow() -> None:
    from sfmodel.cli.compose import composed

    run = parse_run(composed(["platform=streamflow"]))
    assert [section.title for section in lint(run)] == [check(Subject(run, Hits())).title for check in CHECKS]


@pytest.mark.parametrize(
    ("name", "faults"), [("chain", []), ("mmc", []), ("streamflow", ["content.database is overloaded: at peak"])]
)
def test_faults_of_the_platforms_that_come_with_the_package(name: str, faults: list[str]) -> None:
    """StreamFlow is what its case study says: its database has more to do at peak than it can, at 80 % hits."""
    from sfmodel.cli.compose import composed

    found = [fault for section in lint(parse_run(composed([f"platform={name}"]))) for fault in section.faults]
    assert [fault.split(" 7")[0] for fault in found] == faults


@pytest.mark.parametrize(
    ("station", "found"),
    [
        (
            {"servers": 4.5},
            [
                "platform.services.web.stations.cpu.servers: 4.5 serve 4 at a time, and can be busy for 89 % at most; "
                "say 4 or 5"
            ],
        ),
        ({"servers": 4}, []),
        ({"servers": "unlimited"}, []),
        ({"servers": 4.5, "waiting_cost": "10 %"}, []),
    ],
)
def test_a_fraction_of_a_server(station: dict, found: list[str]) -> None:
    steps = [{"use": "cpu", "time": "1 ms"}]
    assert fractions.check(subject(platform(web=service(steps, stations={"cpu": station})))).lines == found
