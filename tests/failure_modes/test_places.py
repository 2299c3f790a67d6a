"""Every place of a platform is found, with what goes wrong there, what it costs and how it is written."""

from __future__ import annotations

import math

import pytest

from sfmodel.cli.compose import composed
from sfmodel.errors import ConfigError
from sfmodel.failure_modes.known import known_things, thing_of
from sfmodel.failure_modes.modes import known_as
from sfmodel.failure_modes.places import named, places_of
from sfmodel.failure_modes.search import PLACEBO
from sfmodel.failure_modes.trials import name_of
from sfmodel.failure_modes.triggers import Down, Fault, FaultPlace, Invalidated, Scaled, Trigger, Whole
from sfmodel.running import checked


@pytest.fixture(scope="module")
def streamflow() -> list[FaultPlace]:
    return places_of(checked(composed(["platform=streamflow"])))


def one(places: list[FaultPlace], thing: str, how: str) -> FaultPlace:
    (found,) = [place for place in places if (place.thing, place.how) == (thing, how)]
    return found


@pytest.mark.parametrize(
    ("thing", "how"),
    [
        ("engine.workers", "fewer servers"),
        ("engine.cpu", "slower"),
        ("llm.provider", "slower"),
        ("llm.quota", "lower limit"),
        ("gateway.clients", "lower limit"),
        ("engine.recommendations", "shorter ttl"),
        ("cache.memory", "less memory"),
        ("cache", "down"),
        ("engine → llm", "slower network"),
        ("engine → vectordb", "shorter timeout"),
        ("engine → llm", "called more"),
        ("demand", "more demand"),
        ("gateway.upload", "burst"),
        ("users", "more retries"),
        ("pipeline.process_viral", "invalidated"),
    ],
)
def test_a_place_of_streamflow(streamflow: list[FaultPlace], thing: str, how: str) -> None:
    assert one(streamflow, thing, how).most > 0


def test_names_are_different(streamflow: list[FaultPlace]) -> None:
    assert len({place.name for place in streamflow}) == len(streamflow)


def test_a_small_change_is_written_as_one(streamflow: list[FaultPlace]) -> None:
    """A fault of any size changes something, and no more than is asked for, but for what the digits of a file leave."""
    scaled = [place for place in streamflow if isinstance(place, Scaled)]
    assert {place.grows for place in scaled} == {True, False}
    for place in scaled:
        for size in (0.0001, PLACEBO, 0.02, 0.1, 0.5, 1.0, 3.0):
            asked = min(size, place.most)
            assert place.snapped(size) == pytest.approx(asked, rel=0.1), place
            assert place.event(size)["scale"][place.keys[0]] != 1, place


def test_what_is_not_there_cannot_go_wrong(streamflow: list[FaultPlace]) -> None:
    """Stations without end have no servers to lose, and what only waits is not slower."""
    assert not [place for place in streamflow if (place.thing, place.how) == ("llm.provider", "fewer servers")]
    assert not [place for place in streamflow if (place.thing, place.how) == ("engine.workers", "slower")]


@pytest.mark.parametrize("part", [1.0, 0.03])
def test_faults_of_all_kinds_are_words_of_the_language(part: float) -> None:
    """One of each kind, at its largest and when it is small."""
    config = composed(["platform=streamflow"])
    by_how = {place.how: place for place in places_of(checked(config))}
    every = Trigger(tuple(Fault.of(place, part * place.most, 60) for place in by_how.values()))
    sources = {**config["platform"]["sources"], **every.sources("20:30")}
    changed = {
        **config,
        "platform": {**config["platform"], "sources": sources},
        "scenario": {"events": every.events("20:30")},
    }
    assert len(checked(changed).scenario.events) == len(every.faults) - 1  # an invalidation is a source


def test_costs() -> None:
    """A quota that is a tenth lower for a minute, half of a service for ten minutes, all of it for one."""
    quota = Scaled("llm.quota", "lower limit", 6.0, ("services.llm.limiters.quota.rate",), grows=False)
    down = Down("engine", "down", 10.0, ("services.engine.down",), 4)
    assert Fault.of(quota, -math.log2(0.9), 60).cost == pytest.approx(-math.log2(0.9))
    assert Fault.of(down, 1.0, 600).cost == pytest.approx(10)
    assert Fault.of(down, 10.0, 60).cost == pytest.approx(10)
    both = Trigger((Fault.of(quota, 1.0, 60), Fault.of(down, 1.0, 600)))
    assert both.cost == pytest.approx(11)


@pytest.mark.parametrize(("size", "left"), [(0.0, 9), (0.1, 9), (0.5, 7), (1.0, 5), (3.0, 1), (6.0, 1), (7.0, 0)])
def test_whole_ones_are_left(size: float, left: int) -> None:
    place = Whole("a.cpu", "fewer servers", 10.0, ("services.a.stations.cpu.servers",), 10)
    assert place.left(size) == left
    assert place.left(place.snapped(size)) == left
    assert place.event(size) == {"set": {"services.a.stations.cpu.servers": left}}


def test_a_factor_is_written_as_it_is_counted() -> None:
    place = Scaled("a.cpu", "slower", 6.0, ("services.a.stations.cpu.speed",), grows=False)
    fault = Fault.of(place, 0.4321, 33.3)
    (event,) = Trigger((fault,)).events("20:30")
    assert event == {"at": "20:30", "for": "33 s", "scale": {"services.a.stations.cpu.speed": 0.741}}
    assert fault.size == pytest.approx(-math.log2(0.741))


def test_a_share_that_is_called_more_stays_a_share(streamflow: list[FaultPlace]) -> None:
    place = one(streamflow, "engine → llm", "called more")
    assert isinstance(place, Scaled)
    assert 0.99 < place.factor(place.most) * 0.067 <= 1


def test_an_invalidation_is_a_source() -> None:
    place = Invalidated("pipeline.process_viral", "invalidated", 4.0, (("item", "random"),))
    trigger = Trigger((Fault.of(place, 2.0, 600),))
    assert trigger.events("20:30") == []
    (source,) = trigger.sources("20:30").values()
    assert source == {"call": "pipeline.process_viral", "at": ["20:30"] * 3, "item": "random"}
    assert trigger.cost == 2


def test_patterns(streamflow: list[FaultPlace]) -> None:
    assert {place.thing for place in named(streamflow, ["llm.*"])} == {"llm.provider", "llm.quota"}
    assert [place.name for place in named(streamflow, ["engine.cpu, slower"])] == ["engine.cpu, slower"]
    with pytest.raises(ConfigError, match=r"nothing of the platform is called 'llm\.quoat'; did you mean 'llm\.quota'"):
        named(streamflow, ["llm.quoat"])


@pytest.mark.parametrize(
    ("key", "thing"),
    [
        ("services.engine.stations.cpu.speed", "engine.cpu"),
        ("services.llm.limiters.quota.rate", "llm.quota"),
        ("services.cache.memory.reserved", "cache.memory"),
        ("services.cache.down", "cache"),
        ("demand.level", "demand"),
        ("users.retry.probability", "users"),
    ],
)
def test_the_thing_of_a_key(key: str, thing: str) -> None:
    assert thing_of(key) == thing


def test_scenarios_that_are_known(streamflow: list[FaultPlace]) -> None:
    """By place: F4 halves the engine, S1 uploads what goes viral, the worst evening lowers the quota; no network was cut."""
    known = known_things(composed(["platform=streamflow"])["platform"]["services"])
    expected = {
        ("engine.cpu", "slower"): "f4_engine_half",
        ("auth.workers", "slower"): "f5_auth_slow",
        ("llm.quota", "lower limit"): "s3_worst_evening",
        ("pipeline.process_viral", "invalidated"): "s1_viral_upload",
        ("engine → llm", "slower network"): None,
    }
    for (thing, how), name in expected.items():
        place = one(streamflow, thing, how)
        assert known_as(Trigger((Fault.of(place, place.most, 60),)), known) == name


def test_scenarios_of_another_platform_are_not_known() -> None:
    assert known_things(composed(["platform=mmc"])["platform"]["services"]) == {}


def test_triggers_that_differ_at_the_end_of_a_long_name_are_two_runs() -> None:
    """The second fault of a pair stands behind more characters than a folder's name may have."""
    long = [Whole(f"{'a-service-with-a-name' * 5}.{k}.cpu", "fewer servers", 8.0, ("servers",), 8) for k in (1, 2)]
    pairs = [Trigger((Fault.of(long[0], 1, 60), Fault.of(long[1], size, 60))) for size in (1, 2)]
    assert len({name_of(one, 1) for one in pairs}) == 2
