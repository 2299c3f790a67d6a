"""The shipped configuration: everything composes and validates, and what the case study gives is in it as given."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from sfmodel.cli.compose import checked, options
from sfmodel.cli.compose import composed as by_command_line
from sfmodel.errors import ConfigError
from sfmodel.schema import Run, parse_run
from sfmodel.schema.calls import Breaker
from sfmodel.schema.files import find_file
from sfmodel.schema.references import check_references

CONF = Path(__file__).parents[1] / "conf"
SERVICES = (
    "gateway", "auth", "content", "profile", "pipeline", "vectordb",
    "llm", "engine", "cache", "analytics", "notification",
)  # fmt: skip


def names(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@lru_cache
def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        mapping = OmegaConf.to_container(compose("config", overrides=list(overrides)), resolve=True)
    assert isinstance(mapping, dict)
    return mapping  # type: ignore[return-value]


@lru_cache
def valid(*overrides: str) -> Run:
    run = parse_run(composed(*overrides))
    check_references(run)
    return run


def hours(clock: str) -> float:
    h, m = clock.split(":")
    return int(h) * 3600.0 + int(m) * 60.0


# Everything composes


LITERATURE = [f"literature/{name}" for name in names("platform/literature")]


@pytest.mark.parametrize("platform", [*names("platform"), *LITERATURE])
def test_every_platform_validates_with_its_own_demand_and_times(platform: str) -> None:
    run = valid(f"platform={platform}")
    assert run.platform.name == platform
    assert run.start < run.until
    assert run.start - run.warmup >= 0


@pytest.mark.parametrize("demand", names("demand"))
@pytest.mark.parametrize("platform", ["streamflow", "chain"])
def test_every_demand_validates_under_any_platform(platform: str, demand: str) -> None:
    run = valid(f"platform={platform}", f"demand={demand}")
    assert run.demand != valid(f"platform={platform}", f"demand={'flat' if demand != 'flat' else 'elb'}").demand


@pytest.mark.parametrize("scenario", names("scenario"))
def test_every_scenario_validates(scenario: str) -> None:
    run = valid(f"scenario={scenario}")
    assert run.scenario.title or scenario == "none"


@pytest.mark.parametrize("scenario", [name for name in names("scenario") if name != "none"])
def test_a_scenario_names_its_trigger_and_nothing_else(scenario: str) -> None:
    base, run = composed(), composed(f"scenario={scenario}")
    assert {key: run[key] for key in run if key not in ("scenario", "platform")} == {
        key: base[key] for key in base if key not in ("scenario", "platform")
    }
    assert {key: run["platform"][key] for key in run["platform"] if key != "sources"} == {
        key: base["platform"][key] for key in base["platform"] if key != "sources"
    }
    sources = run["platform"]["sources"]
    assert {key: sources[key] for key in base["platform"]["sources"]} == base["platform"]["sources"]
    added = set(sources) - set(base["platform"]["sources"])
    assert bool(added) != bool(run["scenario"].get("events")), "events or sources of its own"


@pytest.mark.parametrize(
    ("platform", "scenario"), [("retries", "retries"), ("cache", "cache_flush"), ("server", "burst")]
)
def test_a_platform_of_the_literature_has_its_trigger(platform: str, scenario: str) -> None:
    assert f"literature/{platform}" in LITERATURE
    assert {"retries", "cache_flush", "burst"} == set(names("scenario/literature"))
    run = valid(f"platform=literature/{platform}", f"scenario=literature/{scenario}")
    times = [event.at for event in run.scenario.events] + [at for s in run.platform.sources.values() for at in s.at]
    assert times
    assert all(run.start < at < run.until for at in times)
    assert run.scenario.title


def test_parts_of_a_platform_are_no_platforms() -> None:
    assert options("platform") == [*names("platform"), *LITERATURE]
    with pytest.raises(ConfigError, match="no platform 'streamflow/users'"):
        checked(["platform=streamflow/users"])


@pytest.mark.parametrize("intervention", names("intervention"))
def test_every_intervention_is_off_in_the_baseline_and_can_be_switched_on(intervention: str) -> None:
    assert not valid().intervention
    run = valid(f"intervention=[{intervention}]")
    assert list(run.intervention) == [intervention]
    assert run.intervention[intervention].title
    assert run.platform != valid().platform


def test_a_parameter_of_an_intervention_reaches_every_call_it_is_about() -> None:
    engine = valid("intervention=[llm_timeout]", "intervention.llm_timeout.timeout=3s").platform.services["engine"]
    calls = [step for e in engine.endpoints.values() for step in e.steps if getattr(step, "call", "")[:4] == "llm."]
    assert [call.timeout for call in calls] == [3.0, 3.0]


def test_breakers_guard_every_call_to_the_engine_and_every_call_of_the_engines_to_the_llm() -> None:
    services = valid("intervention=[breakers]", "intervention.breakers.open_for=30s").platform.services
    guarded = {
        f"{name}.{endpoint}>{step.call}": step.breaker
        for name in ("gateway", "engine")
        for endpoint, script in services[name].endpoints.items()
        for step in script.steps
        if getattr(step, "call", "").startswith(("engine.", "llm."))
    }
    assert len(guarded) == 4
    assert set(guarded.values()) == {Breaker.model_validate({"window": "30 s", "open_for": "30 s"})}


@pytest.mark.parametrize(
    ("loop", "trigger"), [("l1_retry_storm", "f4_engine_half"), ("l2_miss_cascade", "f3_cache_memory")]
)
def test_a_loop_has_the_trigger_of_its_failure(loop: str, trigger: str) -> None:
    assert valid(f"scenario={loop}").scenario.events == valid(f"scenario={trigger}").scenario.events


def test_a_label_is_a_key_on_the_command_line() -> None:
    key = "platform.services.engine.endpoints.recommend.steps.model.time"
    run = parse_run(by_command_line([f"{key}=1 s"]))
    assert run.platform.services["engine"].endpoints["recommend"].steps[3].time.constant == 1
    with pytest.raises(ConfigError, match=r"there is no step 'modle' in .* did you mean 'model'\?"):
        by_command_line([f"{key.replace('model', 'modle')}=1 s"])
    with pytest.raises(ConfigError, match="a label stands for a number of one platform"):
        checked(["platform=streamflow,chain", f"{key}=1 s"])
    assert checked(["intervention=[],[llm_timeout]", f"{key}=1s"])[0] == "intervention=[],[llm_timeout]"
    assert checked(["scenario=none,f2_vector_timeout", f"{key}=1s,2s"])[1].endswith(".steps.3.time=1s,2s")


def test_the_evening_is_the_default() -> None:
    run = valid()
    assert run.platform.name == "streamflow"
    assert (run.start, run.until) == (hours("15:30"), 24 * 3600)
    assert run.warmup == 45 * 60
    assert run.window == 10
    assert run.trace.one_in > 0
    assert (run.tick, run.users, run.items) == (None, None, None)


def test_a_platform_brings_its_times_and_demand_and_the_command_line_wins() -> None:
    chain = valid("platform=chain")
    assert (chain.until, chain.trace.one_in, chain.demand.points) == (600, 0, {0.0: 1.0})
    other = valid("platform=chain", "demand=streamflow", "until=20 min")
    assert other.until == 1200
    assert other.demand.points is not None
    assert max(other.demand.points.values()) == 3


def test_single_values_and_events_from_the_command_line() -> None:
    key = "services.engine.stations.workers.servers"
    assert valid(f"platform.{key}=200").platform.services["engine"].stations["workers"].servers == 200
    event = "[{at: '20:30', for: 3 min, scale: {" + key + ": 0.5}}]"
    for plus in ("+", "++"):
        events = valid(f"{plus}scenario.events={event}").scenario.events
        assert [(e.at, e.for_, e.scale) for e in events] == [(hours("20:30"), 180, {key: 0.5})]
    # A scenario with events has the key already: Hydra then takes no plus, or two.
    assert len(valid("scenario=f4_engine_half", f"++scenario.events={event}").scenario.events) == 1


def test_a_wrong_name_is_refused() -> None:
    with pytest.raises(ConfigCompositionException, match="workrs"):
        composed("platform.services.engine.stations.workrs.servers=200")
    with pytest.raises(ConfigError, match="servers"):
        valid("+platform.services.engine.stations.workers.serverz=200")


# Data


@pytest.mark.parametrize("demand", ["taxi", "elb"])
def test_recorded_demand_ships_with_its_licence(demand: str) -> None:
    series = valid(f"demand={demand}").demand.series
    assert series is not None
    path = find_file(series.file)
    assert path is not None
    assert "Permission is hereby granted" in (path.parent / "LICENSE.txt").read_text()
    lines = path.read_text().splitlines()
    assert lines[0].split(",") == [series.time, series.value]
    assert any(line.startswith(str(series.day)) for line in lines)
    assert path.name in (CONF / "data" / "README.md").read_text()


def test_llm_sizes_ship_with_their_licence() -> None:
    folder = CONF / "data" / "azure"
    assert "Attribution 4.0" in (folder / "LICENSE").read_text()
    for name in ("conv", "code"):
        header = (folder / f"AzureLLMInferenceTrace_{name}.csv").open().readline().strip()
        assert header == "TIMESTAMP,ContextTokens,GeneratedTokens"


# The chain


def test_the_chain_is_the_reference_chain() -> None:
    run = valid("platform=chain")
    services = run.platform.services
    assert set(services) == {"gateway", "auth", "profile", "engine", "vectordb", "llm"}
    servers = {f"{s}.{n}": st.servers for s, service in services.items() for n, st in service.stations.items()}
    assert servers == {
        "auth.workers": 64, "profile.workers": 128, "engine.workers": 600, "engine.cpu": 256,
        "vectordb.queries": 300, "llm.slots": 10,
    }  # fmt: skip
    assert services["engine"].endpoints["recommend"].hold == "workers"
    assert list(run.platform.sources) == ["requests"]
    assert run.platform.sources["requests"].rate == 1500
    assert (run.window, run.platform.network, run.platform.users) == (10, 0, None)


def test_the_chain_has_the_reference_mean_and_p95() -> None:
    """Drawn from the scripts alone: no station of the chain makes anybody wait to speak of."""
    run = valid("platform=chain")
    sample = 400_000
    time_s = _draw(run, "gateway", "recommendations", np.random.default_rng(1), np.full(sample, True))
    assert time_s.mean() == pytest.approx(0.1496, rel=0.005)
    assert np.quantile(time_s, 0.95) == pytest.approx(0.517, rel=0.01)


def _draw(run: Run, service: str, endpoint: str, rng: np.random.Generator, goes: np.ndarray) -> np.ndarray:
    time_s = np.zeros(len(goes))
    goes = goes.copy()
    for step in run.platform.services[service].endpoints[endpoint].steps:
        here = goes & (rng.random(len(goes)) < step.with_probability)
        match type(step).__name__:
            case "Sleep":
                time_s += here * step.sleep.constant
            case "Use":
                time_s += here * rng.exponential(step.time.exponential, len(goes))
            case "Call":
                time_s += _draw(run, *step.call.split("."), rng, here)
            case "Return":
                goes &= ~here
    return time_s


def test_mmc_is_the_textbook_case() -> None:
    run = valid("platform=mmc")
    station = run.platform.services["server"].stations["servers"]
    assert (run.platform.sources["arrivals"].rate, station.servers) == (80, 10)
    assert run.platform.services["server"].endpoints["serve"].steps[0].time.exponential == 0.1


# StreamFlow: what the case study gives


def test_eleven_services_fifty_million_users_ten_million_items() -> None:
    platform = valid().platform
    assert tuple(platform.services) == SERVICES
    assert platform.users is not None
    assert platform.users.population == 50_000_000
    assert platform.content.items == 10_000_000
    assert platform.counters["index_size"].start == 10_000_000


def test_demand_is_three_times_normal_from_eight_to_eleven() -> None:
    points = valid().demand.points
    assert points is not None
    assert [points[hours(t)] for t in ("16:00", "19:00", "20:00", "23:00", "23:30")] == [1, 1, 3, 3, 1]


def test_nothing_but_demand_knows_the_hour() -> None:
    for source in valid().platform.sources.values():
        assert not source.at
        assert not source.spikes
        assert source.file is None


def step(service: str, endpoint: str, verb: str, name: str) -> dict[str, Any]:
    """The first step of an endpoint with this verb and name, handlers and branches included."""
    found = _find(composed()["platform"]["services"][service]["endpoints"][endpoint]["steps"], verb, name)
    assert found is not None, f"{service}.{endpoint} has no {verb}: {name}"
    return found


def _find(here: Any, verb: str, name: str) -> dict[str, Any] | None:
    if isinstance(here, dict):
        if here.get(verb) == name:
            return here
        here = list(here.values())
    if isinstance(here, list):
        return next((found for part in here if (found := _find(part, verb, name)) is not None), None)
    return None


def test_limits() -> None:
    services = valid().platform.services
    quota = services["llm"].limiters["quota"]
    assert quota.rate is not None
    assert (quota.rate * 60, quota.key, quota.when_full) == (pytest.approx(500), None, "refuse")
    clients = services["gateway"].limiters["clients"]
    assert (clients.limit, clients.window, clients.key) == (1000, 60, "address")
    assert services["engine"].stations["workers"].queue == 1000
    assert services["engine"].stations["cpu"].waiting_cost > 0


def test_times_to_live() -> None:
    services = valid().platform.services
    ttl = {c: (cache.key, cache.ttl, cache.of) for s in services.values() for c, cache in s.caches.items()}
    assert ttl["recommendations"] == ("user", 5 * 60, "cache")
    assert ttl["profiles"] == ("user", 10 * 60, "cache")
    assert ttl["metadata"] == ("item", 3600, "cache")
    assert ttl["sessions"][2] == "cache"
    assert services["cache"].replicas > 1
    assert services["cache"].memory is not None
    assert services["engine"].caches["recommendations"].invalidate == "cache.invalidate"


def test_every_class_but_login_is_limited_and_authenticated_as_today() -> None:
    gateway = composed()["platform"]["services"]["gateway"]["endpoints"]
    for name in set(gateway) - {"recommendations", "login"}:
        assert step("gateway", name, "pass", "clients")
        token = step("gateway", name, "call", "auth.validate")
        assert token["timeout"] == "1 s"
        assert token["retries"] == {"attempts": 2, "base": "0 s", "on": ["timeout"]}
        assert token["on_timeout"] == [{"count": "unauthenticated"}]  # and goes on


def test_validation_takes_20_to_30_ms() -> None:
    time = valid().platform.services["auth"].endpoints["validate"].steps[0].time
    assert 0.020 <= time.lognormal.mean <= 0.030


def test_the_engine_waits_as_it_does_today() -> None:
    vector = step("engine", "recommend", "call", "vectordb.search")
    assert vector["timeout"] == "2 s"
    assert _find(vector["on_timeout"], "count", "popularity_fallback")
    assert _find(vector["on_timeout"], "use", "cpu")
    for endpoint, call in (("recommend", "llm.describe"), ("explain", "llm.explain")):
        llm = step("engine", endpoint, "call", call)
        assert not [key for key in llm if key == "timeout" or key == "breaker" or key.startswith("on_")]
    assert valid().platform.services["engine"].endpoints["recommend"].hold == "workers"
    order = [next(iter(s)) for s in composed()["platform"]["services"]["engine"]["endpoints"]["recommend"]["steps"]]
    assert order[:5] == ["lookup", "call", "call", "use", "store"]


def test_nothing_breaks_the_circuit() -> None:
    assert "'breaker'" not in str(composed()["platform"])


def test_the_provider_gives_up_after_30_s_and_has_three_models() -> None:
    for model in ("small", "medium", "large"):
        assert step("llm", "describe", "call", f"llm.ask_{model}")["timeout"] == "30 s"
        assert step("llm", f"ask_{model}", "call", f"llm.{model}")["retries"]["on"] == ["throttled"]
        assert step("llm", model, "pass", "quota")
        assert step("llm", model, "count", "llm_cost")
        usual = next(step for step in valid().platform.services["llm"].endpoints[model].steps if hasattr(step, "use"))
        assert 0.2 <= usual.time.lognormal.mean <= 2
    assert {"describe", "explain", "analyze", "classify"} <= set(valid().platform.services["llm"].endpoints)


def test_no_breaker_no_replica_no_order_but_fifo() -> None:
    text = str(composed()["platform"])
    assert "breaker" not in text
    for service in valid().platform.services.values():
        assert {station.order for station in service.stations.values()} <= {"fifo"}
        assert {queue.order for queue in service.queues.values()} <= {"fifo"}
    assert valid().platform.services["profile"].replicas == valid().platform.services["content"].replicas == 1


def test_an_embedding_takes_5_to_10_s() -> None:
    steps = valid().platform.services["pipeline"].endpoints["process"].steps
    time = next(step.time for step in steps if getattr(step, "use", None) == "gpu")
    sigma = math.sqrt(math.log(1 + time.lognormal.cv**2))
    p99 = time.plus + time.lognormal.mean * math.exp(-(sigma**2) / 2 + 2.326 * sigma)
    assert time.plus >= 5
    assert p99 <= 10.5


def test_queues_of_notifications_and_analytics_have_no_limit() -> None:
    services = valid().platform.services
    assert set(services["notification"].queues) == {"email", "push", "in_app"}
    for name in ("notification", "analytics"):
        assert all(queue.limit is None for queue in services[name].queues.values())


# StreamFlow: what the mix adds up to


def test_traffic_is_as_large_as_it_is_meant_to_be() -> None:
    rate, views = _mix(valid())
    total = sum(rate.values())
    assert 3200 < total < 3500  # 10 thousand at peak
    assert 150 < rate["recommendations"] < 220
    assert 0.28 < views["recommendations"] / sum(views.values()) < 0.32


def _mix(run: Run) -> tuple[dict[str, float], dict[str, float]]:
    users = run.platform.users
    assert users is not None
    rate: dict[str, float] = {}
    views: dict[str, float] = {}
    for kind in users.sessions.types.values():
        weights = sum(request.weight for request in kind.mix.values())
        for name, request in kind.mix.items():
            per_s = users.sessions.rate * kind.share * kind.requests * request.weight / weights
            rate[name] = rate.get(name, 0.0) + per_s
            views[name] = views.get(name, 0.0) + per_s * request.views
    return rate, views


def test_every_endpoint_is_reached() -> None:
    """From users, sources, caches, queues or another endpoint; viral videos come with their scenario."""
    run = valid()
    text = str(composed())
    for name, service in run.platform.services.items():
        handlers = {queue.handler for queue in service.queues.values()}
        for endpoint in service.endpoints:
            assert f"'{name}.{endpoint}'" in text or endpoint in handlers or endpoint == "process_viral"
