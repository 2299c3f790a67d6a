"""The alert on cascades: on random platforms with a planted trouble and without, and as Prometheus evaluates its rules."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from diagnosis.planted import BEGINS_S, platform, troubled
from scipy import stats

from sfmodel.alerts import alarms
from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.cascading import badness, watch
from sfmodel.alerts.objectives import CascadeAlert, Objectives
from sfmodel.alerts.openmetrics import write_openmetrics
from sfmodel.alerts.over_seeds import records
from sfmodel.alerts.prometheus import rules, trouble
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
    (found,) = records([[alarm(50), alarm(130), alarm(300)], [], [alarm(170)], [alarm(20)]], watched(), 100.0)
    assert (found.fired, found.seeds) == (3, 4)
    assert found.times == 5 / 4
    assert found.delays_s == (30, 70)
    low, high = found.share  # Clopper and Pearson's: quantiles of beta distributions
    assert low == pytest.approx(stats.beta.ppf(0.025, 3, 2))
    assert high == pytest.approx(stats.beta.ppf(0.975, 4, 1))


def test_without_a_trigger_there_is_no_time_to_detect() -> None:
    (found,) = records([[], []], watched(), None)
    assert found.delays_s is None
    assert np.isclose(found.share[0], 0)
    assert found.times == 0
