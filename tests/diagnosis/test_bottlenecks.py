"""What more of a resource changes, on networks of which queueing theory says what it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sfmodel.cli import main
from sfmodel.diagnosis import troubles
from sfmodel.diagnosis.bottlenecks import Counterfactual, Counterfactuals
from sfmodel.diagnosis.candidates import candidates, named
from sfmodel.errors import ConfigError
from sfmodel.results.measures import quantiles_s
from sfmodel.running import checked, run_in_memory

RATE = 100.0


def network(used: dict[str, float], quota: float = 10.0, servers: int = 3) -> dict[str, Any]:
    """M/M/c queues one behind the other, used so much, behind a quota of so many times what comes, and many permits."""
    services: dict[str, Any] = {
        name: {
            "stations": {"cpu": {"servers": servers}},
            "endpoints": {"do": {"steps": [{"use": "cpu", "time": {"exponential": f"{servers * part / RATE} s"}}]}},
        }
        for name, part in used.items()
    }
    services["web"] = {
        "stations": {"permits": {"servers": 400}},
        "limiters": {"quota": {"kind": "token_bucket", "rate": f"{RATE * quota}/s", "burst": 1000}},
        "endpoints": {
            "get": {"hold": "permits", "steps": [{"pass": "quota"}, *({"call": f"{name}.do"} for name in used)]}
        },
    }
    return {
        "platform": {
            "name": "queues", "network": "0 s", "services": services,
            "sources": {"visits": {"call": "web.get", "rate": f"{RATE}/s"}},
        },
        "start": "0 s", "until": "1800 s", "window": "60 s", "warmup": "300 s", "trace": {"one_in": 0},
    }  # fmt: skip


def judged(
    mapping: dict[str, Any], factors: tuple[float, ...] = (1.1,), seeds: int = 3, **how: Any
) -> list[Counterfactual]:
    """Every candidate of a run, judged."""
    ds = run_in_memory(mapping)
    run, found = checked(mapping), troubles(ds)
    chosen = named(run, found, how["of"]) if "of" in how else candidates(run, found, 10)
    one = Counterfactuals(ds, np.ones(ds.sizes["time"], bool), chosen, factors, seeds)
    return one.judged({name: run_in_memory({**changed, "forks": []}) for name, changed in one.runs.items()})


def test_the_most_used_queue_of_a_network_is_first() -> None:
    """Of M/M/c queues in a row the wait that a tenth more speed saves rises with utilisation."""
    found = judged(network({"a": 0.5, "b": 0.9, "c": 0.7}))
    names = [one.candidate.name for one in found]
    assert names[0] == "b.cpu"
    first = found[0].effects["p95"]
    assert first.mean + first.half < 0  # theory: less, for sure
    assert names.index("b.cpu") < names.index("c.cpu") < names.index("a.cpu")


def test_more_of_what_nobody_waits_for_changes_nothing() -> None:
    found = {one.candidate.name: one for one in judged(network({"b": 0.8}))}
    assert found["web.permits"].effects["p95"].mean == 0
    assert found["web.permits"].candidate.key == "services.web.stations.permits.servers"


def test_more_of_a_larger_share_changes_more() -> None:
    found = judged(network({"b": 0.92}), (1.01, 1.03, 1.10), of=["b.cpu"])
    assert [one.factor for one in found] == [1.01, 1.03, 1.10]
    means = [one.effects["p95"].mean for one in found]
    assert 0 > means[0] > means[1] > means[2]


def test_a_quota_that_refuses_is_what_failures_come_from() -> None:
    """Of 100/s a quota lets 90 through; a tenth more is 99: failures fall by nine points, but for the chance of arrivals."""
    found = judged(network({"a": 0.5}, quota=0.9))
    assert found[0].candidate.name == "web.quota (limiter)"
    assert found[0].effects["failing"].mean == pytest.approx(-0.09, abs=0.01)


def test_servers_that_are_held_are_whole() -> None:
    run = checked(network({"a": 0.5}))
    (one,) = named(run, troubles(run_in_memory(network({"a": 0.5}))), ["web.permits"])
    assert [one.possible(factor) for factor in (1.001, 1.01)] == [401 / 400, 404 / 400]
    ds = run_in_memory(network({"a": 0.5}))
    runs = Counterfactuals(ds, ds["time"].values >= 300, [one], [1.001, 1.002, 1.01], 1).runs
    assert len(runs) == 2  # the least that is more is one in four hundred


@pytest.mark.parametrize("option", [{"scale": 0.5}, {"set": 200}])
def test_more_of_what_a_scenario_takes_away_leaves_the_scenario_as_it_is(option: dict[str, float]) -> None:
    """Half of the permits are gone for a while: a tenth more of them is a tenth more before, meanwhile and after."""
    mapping = network({"a": 0.5})
    key = "services.web.stations.permits.servers"
    event = {"at": "600 s", "for": "300 s", **{name: {key: value} for name, value in option.items()}}
    mapping["scenario"] = {"title": "Half", "events": [event]}
    ds = run_in_memory(mapping)
    chosen = named(checked(mapping), troubles(ds), ["web.permits"])
    one = Counterfactuals(ds, ds["time"].values >= 300, chosen, [1.1], 1)
    (changed,) = one.runs.values()
    servers = run_in_memory({**changed, "forks": []})["station_servers"].sel(station="web.permits")
    assert [float(servers.sel(time=time_s)) for time_s in (0, 300, 660, 1200)] == [440, 440, 220, 440]


def test_hours_apart_are_measured_without_what_is_between_them() -> None:
    mapping = network({"a": 0.5})
    ds = run_in_memory(mapping)
    hours = (ds["time"].values < 120) | (ds["time"].values >= 1680)
    one = Counterfactuals(ds, hours, named(checked(mapping), troubles(ds), ["a.cpu"]), [1.1], 1)
    counted = ds["endpoint_latency"].sel(endpoint="web.get").values[hours].sum(axis=0)
    assert one._figures(ds)["p95"] == pytest.approx(quantiles_s(counted[None].astype(float), np.array([0.95]))[0, 0])


def test_of_one_seed_everything_may_be_chance() -> None:
    from sfmodel.diagnosis.bottleneck_table import _said
    from sfmodel.results.intervals import Interval

    assert _said(Interval(-0.01, float("nan"), 1), "s").startswith("(")
    assert not _said(Interval(-0.01, 0.001, 2), "s").startswith("(")


def test_a_resource_that_is_not_there_is_a_sentence() -> None:
    mapping = network({"a": 0.5})
    with pytest.raises(ConfigError, match=r"no station or limiter 'a\.cpus' to be larger; did you mean 'a\.cpu'"):
        named(checked(mapping), troubles(run_in_memory(mapping)), ["a.cpus"])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sfmodel.running import run_to_folder

    monkeypatch.chdir(tmp_path)
    mapping = {**network({"a": 0.5, "b": 0.9}), "until": "600 s"}
    run_to_folder({**mapping, "name": "queues", "worlds": str(tmp_path / "worlds")}, None, Path("runs"))
    capsys.readouterr()
    assert main(["bottlenecks", "queues", "--of", "a.cpu,b.cpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["bottlenecks"]
    assert [one["resource"] for one in found] == ["b.cpu", "a.cpu"]
    assert main(["bottlenecks", "queues", "--of", "a.cpu,b.cpu"]) == 0
    assert "b.cpu" in capsys.readouterr().out
    assert (
        main(["bottlenecks", "queues", "--hours", "00:01", "00:09", "--of", " b.cpu, b.cpu"]) == 0
    )  # other hours, other runs
    assert main(["bottlenecks", "queues", "--seeds", "0"]) == 2
    for wrong in ("one", "nan", "inf", "1", "1.1,1e9"):
        assert main(["bottlenecks", "queues", "--factors", wrong]) == 2
    assert "expected numbers above 1" in capsys.readouterr().err
