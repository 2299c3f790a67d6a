"""The alert on cascades: on random platforms with a planted trouble and without, and as Prometheus evaluates its rules."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from diagnosis.planted import BEGINS_S, platform, troubled
from scipy import stats
from small_run import make_run

from sfmodel.alerts import alarms, evaluable
from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.cascading import CASCADE, badness, watch
from sfmodel.alerts.objectives import CascadeAlert, Objectives
from sfmodel.alerts.openmetrics import write_openmetrics
from sfmodel.alerts.over_seeds import AfterTrigger, detections
from sfmodel.alerts.prometheus import rules, trouble
from sfmodel.alerts.table import alarms_table, detections_table
from sfmodel.errors import ConfigError
from sfmodel.running import run_in_memory

from .prometheus_server import DAY, Server, database, needs_prometheus

PLATFORMS = 20
FEWEST = int(stats.binom.ppf(0.01, PLATFORMS, 0.95))
"""Of so many platforms fewer are right in one of a hundred tests of an alert that is right in 95 %."""
LATEST_S = 60 + 60 + 30
"""After the trouble began: a minute until it shows in what ends, one until it fills the window, then it must last."""


def watched(alert: dict[str, Any] | None = None) -> Objectives:
    found = {"objective": "answered", "window": "1 min", "lasting": "30 s", **(alert or {})}
    one = {"name": "answered", "endpoints": ["web.do"], "objective": "99 %"}
    return Objectives.model_validate({"objectives": [one], "cascades": found})


def test_a_planted_cascade_is_told_of_in_time() -> None:
    right = []
    for seed in range(PLATFORMS):
        tiers, mapping, origin = troubled(seed)
        found = alarms(run_in_memory(mapping), watched())
        first = [one for one in found if one.alert == f"{origin} drags down {tiers.parent[origin]}"]
        right.append(bool(first) and 0 < first[0].fires_s - BEGINS_S <= LATEST_S)
    assert sum(right) >= FEWEST, [k for k, one in enumerate(right) if not one]


def test_nobody_is_told_where_nothing_happens() -> None:
    """By what is usual in another run of the same platform."""
    right = []
    for seed in range(PLATFORMS):
        mapping = platform(seed)[1]
        calm = run_in_memory({**mapping, "seed": seed + 1000})
        right.append(not alarms(run_in_memory(mapping), watched(), calm))
    assert sum(right) >= FEWEST, [k for k, one in enumerate(right) if not one]


def test_an_objective_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="cascades: there is no objective 'answers'; did you mean 'answered'"):
        watched({"objective": "answers"})


@needs_prometheus
def test_prometheus_takes_the_rules_and_finds_the_same_trouble(tmp_path: Path) -> None:
    """At the end of every third window, but for those in which the extrapolation of `rate` may decide: 5 % around the limit."""
    _, mapping, _ = troubled(3)
    ds = run_in_memory(mapping)
    seen = watch(ds, CascadeAlert(objective="answered"))
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules(watched(), "tiers", seen)))
    checked = subprocess.run(
        ["promtool", "check", "rules", "rules.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr + checked.stdout
    with (tmp_path / "series.txt").open("w") as file:
        write_openmetrics(ds, file, DAY)
    database(tmp_path)
    compared = {"troubled": 0, "quiet": 0}
    with Server(tmp_path) as server:
        for one in (*seen.services.values(), *seen.calls.values()):
            own = badness(ds, one, 60.0, above=0.0)
            for k in range(8, ds.sizes["time"], 3):
                if abs(own[k] - 1) < 0.05 or own[k] == 0:
                    continue
                found = server.value(trouble(one, 60.0), float(ds["time"][k]) + 10.0)
                if own[k] > 1:
                    assert found == pytest.approx(own[k], rel=0.02), (one.labels, k)
                else:
                    assert found is None, (one.labels, k)
                compared["troubled" if own[k] > 1 else "quiet"] += 1
    assert min(compared.values()) >= 20, compared


def alarm(fires_s: float, kind: str = "a cascade") -> Alarm:
    return Alarm("answered", kind, kind, fires_s, fires_s + 10, False, "2 ×", {})


def test_alarms_are_counted_over_seeds() -> None:
    """What fires before the trigger, in the first and in the last, detects nothing: it is a false alarm."""
    every = [[alarm(50), alarm(130), alarm(300)], [], [alarm(170)], [alarm(20)]]
    (found,) = detections(every, watched(), 100.0, 400.0)
    assert (found.fired, found.seeds) == (2, 4)
    assert found.times == 3 / 4
    assert found.after is not None
    assert found.after.delays_s == (30, 70)
    assert found.after.false_alarms == 2
    low, high = found.share  # Clopper and Pearson's: quantiles of beta distributions
    assert low == pytest.approx(stats.beta.ppf(0.025, 2, 3))
    assert high == pytest.approx(stats.beta.ppf(0.975, 3, 2))
    text = printed(detections_table([found], watched()))
    assert "2 of 4" in text.split("false alarms before")[1]
    assert "70 s (30 s–never)" in text


def test_of_what_is_firing_at_the_trigger_no_delay_is_known() -> None:
    """Three are firing, of which one fires again: of the others, one fires after 30 s, one after 70 s."""
    on = replace(alarm(50), ends_s=400.0)
    (found,) = detections([[on], [alarm(130)], [on], [alarm(170)], [on, alarm(110)]], watched(), 100.0, 400.0)
    assert found.after is not None
    assert (found.after.firing, found.after.false_alarms) == (3, 3)
    assert found.after.delays_s == (30, 70)
    assert found.after.median_s == 30
    (found,) = detections([[on], [on]], watched(), 100.0, 400.0)
    assert "firing before" in printed(detections_table([found], watched()))


def test_without_a_trigger_there_is_no_time_to_detect() -> None:
    (found,) = detections([[alarm(50)], []], watched(), None, 400.0)
    assert found.after is None
    assert found.fired == 1


@pytest.mark.parametrize("seeds", range(1, 12))
def test_the_median_delay_counts_seeds_that_never_fire(seeds: int) -> None:
    """As the product limit of scipy has it: the first time by which half have fired; none where more than half never do."""
    for fired in range(1, seeds + 1):
        delays_s = [10.0 * (fired - k) for k in range(fired)]
        sample = stats.CensoredData(uncensored=delays_s, right=[500.0] * (seeds - fired))
        left = stats.ecdf(sample).sf
        reached = left.quantiles[left.probabilities <= 0.5 + 1e-12]
        expected = float(reached[0]) if len(reached) and reached[0] < 500 else None
        assert AfterTrigger(tuple(delays_s), seeds, 500.0, 0).median_s == expected


def test_a_delay_that_more_than_half_do_not_have_is_longer_than_what_was_watched() -> None:
    (found,) = detections([[alarm(130)], [], []], watched(), 100.0, 400.0)
    assert found.after is not None
    assert found.after.median_s is None
    assert "> 5 min (30 s–never)" in printed(detections_table([found], watched())).replace("300 s", "5 min")


def printed(table: Any) -> str:
    from rich.console import Console

    console = Console(width=200)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.mark.parametrize(
    ("alert", "complaint"),
    [
        ({"window": "45 s"}, "expected 'window' made of whole windows of the run, 10 s, found 45 s"),
        ({"lasting": "15 s"}, "expected 'lasting' made of whole windows of the run, 10 s, found 15 s"),
    ],
)
def test_an_alert_that_does_not_fit_the_windows_is_left_out_and_said_so(alert: dict[str, Any], complaint: str) -> None:
    wanted = watched(alert)
    seen, left_out = evaluable(wanted, 10.0)
    assert left_out == f"the alert on cascades is left out: {complaint}"
    assert seen.cascades is None
    assert seen.objectives == wanted.objectives
    assert evaluable(watched({"lasting": "0 s"}), 10.0) == (watched({"lasting": "0 s"}), None)
    with pytest.raises(ConfigError, match=complaint):
        alarms(make_run(6), wanted)


def test_an_alert_that_lasts_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="lasting"):
        watched({"lasting": "-1 min"})


def test_how_bad_it_was_has_its_unit() -> None:
    """A burn rate is not a multiple of a limit."""
    _, mapping, _ = troubled(3)
    burning = {"name": "answered", "endpoints": ["web.do"], "objective": "99 %",
               "alerts": [{"burn": 0.1, "long": "2 min", "short": "1 min"}]}  # fmt: skip
    both = Objectives.model_validate(
        {"objectives": [burning], "cascades": {"objective": "answered", "lasting": "30 s"}}
    )
    found = alarms(run_in_memory(mapping), both)
    assert {one.highest.rstrip("0123456789.e+") for one in found if one.kind != CASCADE} == {"burn rate "}
    cascades = [one.highest for one in found if one.kind == CASCADE]
    assert cascades
    assert all(one.endswith(" × its limit") for one in cascades)
    assert "× its limit" in printed(alarms_table(found, both, None))
