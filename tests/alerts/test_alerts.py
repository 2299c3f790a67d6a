"""Burn rates of a run whose failures can be counted by head, and what Prometheus itself says of the same series and rules."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_run import make_run, place, recorded_run, tasks

from sfmodel.alerts import alarms, read_objectives
from sfmodel.alerts.burning import bad_and_total, burn_rate
from sfmodel.alerts.objectives import Objectives
from sfmodel.alerts.openmetrics import write_openmetrics
from sfmodel.alerts.prometheus import rules
from sfmodel.cli import main

from .prometheus_server import DAY, Server, database, needs_prometheus

GET = place("endpoint", "web.get")


def edit(k: int, values: dict[str, Any]) -> None:
    """Ten gets a window of 10 s, 50 ms each; from the 61st to the 120th half of them fail, afterwards none, but all take 1 s."""
    if k < 60:
        tasks(values, "endpoint", GET, [0.05] * 10)
    elif k < 120:
        tasks(values, "endpoint", GET, [0.05] * 10, failed=5)
    else:
        tasks(values, "endpoint", GET, [1.0] * 10)


def objectives(**more: Any) -> Objectives:
    alert = {"burn": 10, "long": "5 min", "short": "1 min"}
    one = {"name": "answered", "endpoints": ["web.get"], "objective": "99 %", "alerts": [alert], **more}
    return Objectives.model_validate({"objectives": [one]})


def test_an_alert_fires_when_both_windows_have_burnt_enough() -> None:
    """Ten times 1 % is passed when more than a fifth of five minutes failed by half; the last minute is, after two windows."""
    (found,) = alarms(make_run(180, edit), objectives())
    begins_s = 72000.0
    assert found.fires_s == begins_s + 600 + 70  # 7 of 30 windows with a half: 11.7 %; 6: 10 %, not above
    assert found.data["highest"] == pytest.approx(50)
    assert not found.lasts
    assert found.ends_s == begins_s + 1200 + 50  # 1 of 6 windows with a half: 8.3 %; 2: 16.7 %


def test_slow_answers_are_not_good_ones() -> None:
    (found,) = alarms(make_run(180, edit), objectives(within="200 ms", objective="90 %", alerts=[
        {"burn": 6.1, "long": "5 min", "short": "1 min"},
    ]))  # fmt: skip
    assert found.lasts
    assert found.data["highest"] == pytest.approx(10)  # everything
    assert found.fires_s == 72000.0 + 1200 + 70  # (23 x 0.5 + 7) / 30 = 61.7 %


def test_a_burn_rate_is_of_what_there_is_until_a_window_is_full() -> None:
    ds = make_run(180, edit)
    bad, total = bad_and_total(ds, objectives().objectives[0])
    rate = burn_rate(ds, bad, total, 0.01, 3600)
    assert rate[59] == 0
    assert rate[119] == pytest.approx(25)  # a quarter of all so far
    assert bad.sum() == 300
    assert total.sum() == 1800


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"objective": "80 %"}, "can never fire: if everything failed it would burn 5 times as fast as it may"),
        ({"objective": "100 %"}, "expected a share above 0 and below 1"),
        ({"alerts": [{"burn": 2, "long": "1 min", "short": "5 min"}]}, "expected a short window below the long one"),
        ({"name": "My objective"}, "name"),
    ],
)
def test_an_objective_that_makes_no_sense_is_refused(more: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    from sfmodel.errors import ConfigError

    alert = {"burn": 10, "long": "5 min", "short": "1 min"}
    one = {"name": "answered", "endpoints": ["web.get"], "objective": "99 %", "alerts": [alert]}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"objectives": [{**one, **more}]}))
    with pytest.raises(ConfigError, match=complaint):
        read_objectives(path)


def test_a_window_that_is_not_made_of_whole_ones_is_refused() -> None:
    from sfmodel.errors import ConfigError

    for short in ("5 s", "15 s"):
        wanted = objectives(alerts=[{"burn": 10, "long": "5 min", "short": short}])
        with pytest.raises(ConfigError, match="expected windows made of whole ones of the run, 10 s"):
            alarms(make_run(180, edit, window_s=10.0), wanted)


def test_the_objectives_of_the_package_can_be_read() -> None:
    root = Path(__file__).parents[2]
    assert [one.name for one in read_objectives(root / "conf/alerts/streamflow.yaml").objectives] == [
        "answered",
        "fast",
    ]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    recorded_run("bad", 180, edit, window_s=10.0, platform="shop")
    (tmp_path / "conf/alerts").mkdir(parents=True)
    Path("conf/alerts/shop.yaml").write_text(
        "objectives: [{name: answered, endpoints: [web.get], objective: 99 %, alerts: [{burn: 10, long: 5 min, short: 1 min}]}]"
    )
    capsys.readouterr()
    assert main(["alerts", "bad", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["fires_s"] == 72670
    assert main(["alerts", "bad", "--rules", "rules.yaml", "--openmetrics", "series.txt", "--date", "2026-03-01"]) == 0
    assert "20:11" in capsys.readouterr().out
    text = Path("series.txt").read_text()
    assert text.endswith("# EOF\n")
    assert 'sfmodel_endpoint_tasks_total{endpoint="web.get",outcome="timeout"} 300 ' in text
    Path("conf/alerts/shop.yaml").write_text("objectives: [{name: a, endpoints: [web.got], objective: 99 %}]")
    assert main(["alerts", "bad"]) == 2
    assert "there is no endpoint 'web.got'; did you mean 'web.get'" in capsys.readouterr().err


def test_what_says_nothing_of_what_is_usual_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recorded_run("bad", 180, edit, window_s=10.0, platform="shop")
    recorded_run("other", 180, edit, window_s=10.0, platform="inn")
    recorded_run("idle", 6, lambda k, values: values["endpoint_arrivals"].fill(0), window_s=10.0, platform="shop")
    (tmp_path / "conf/alerts").mkdir(parents=True)
    Path("conf/alerts/shop.yaml").write_text("objectives: [{name: a, endpoints: [web.get], objective: 99 %}]")
    capsys.readouterr()
    assert main(["alerts", "bad", "--calm", "other"]) == 2
    assert "--calm: other is a run of platform inn, and this one is of shop" in capsys.readouterr().err
    assert main(["alerts", "bad", "--calm", "idle"]) == 2
    assert "--calm: nothing arrives in idle" in capsys.readouterr().err


def test_a_run_whose_windows_make_no_minute_is_judged_by_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recorded_run("bad", 180, edit, window_s=45.0, platform="shop")
    (tmp_path / "conf/alerts").mkdir(parents=True)
    Path("conf/alerts/shop.yaml").write_text(
        "objectives: [{name: a, endpoints: [web.get], objective: 99 %, alerts: [{burn: 10, long: 18 min, short: 3 min}]}]\n"
        "cascades: {objective: a}\n"
    )
    capsys.readouterr()
    assert main(["alerts", "bad"]) == 0
    told = capsys.readouterr()
    assert "the alert on cascades is left out: expected 'window' made of whole windows of the run, 45 s" in told.err
    assert "10 × in 18 min" in told.out
    assert "a cascade" not in told.out  # "never" would say that it was looked at
    twice = "{burn: 10, long: 18 min, short: 3 min}, {burn: 10, long: 18 min, short: 6 min}"
    Path("conf/alerts/shop.yaml").write_text(
        f"objectives: [{{name: a, endpoints: [web.get], objective: 99 %, alerts: [{twice}]}}]"
    )
    assert main(["alerts", "bad"]) == 2
    assert "there are two alerts '10 × in 18 min'" in capsys.readouterr().err
    Path("conf/alerts/shop.yaml").write_text(
        "objectives: [{name: a, endpoints: [web.get], objective: 99 %}]\ncascades: {objective: a, lasting: -1 min}\n"
    )
    assert main(["alerts", "bad"]) == 2
    assert "cascades.lasting: " in capsys.readouterr().err


@needs_prometheus
def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(rules(objectives(within="200 ms"), "shop")))
    found = subprocess.run(
        ["promtool", "check", "rules", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "3 rules found" in found.stdout


@needs_prometheus
def test_prometheus_says_the_same_of_the_series(tmp_path: Path) -> None:
    """At the end of windows in the middle of each phase, and over both windows of the alert."""
    ds = make_run(180, edit)
    both = {"answered": objectives(), "fast": objectives(name="fast", within="200 ms", objective="98 %")}
    with (tmp_path / "series.txt").open("w") as file:
        write_openmetrics(ds, file, DAY, [0.2])
    database(tmp_path)
    with Server(tmp_path) as server:
        for name, wanted in both.items():
            (one,) = wanted.objectives
            bad, total = bad_and_total(ds, one)
            recorded = {
                rule["record"]: rule["expr"] for rule in rules(wanted, "shop")["groups"][0]["rules"] if "record" in rule
            }
            for window_s, rule in ((60, f"sfmodel:{name}_bad:ratio_rate1m"), (300, f"sfmodel:{name}_bad:ratio_rate5m")):
                own = burn_rate(ds, bad, total, 1.0, window_s)
                for k in (50, 75, 110, 130, 170):
                    assert server.value(recorded[rule], 72000 + 10 * (k + 1)) == pytest.approx(own[k], abs=1e-3), (
                        rule,
                        k,
                    )
