"""Objectives as rules for Prometheus, over the metrics of `openmetrics`.

For each objective and each window a recording rule has the share that is not good; each alert compares two of them.
"""

from __future__ import annotations

from typing import Any

from sfmodel.alerts.objectives import Alert, Objective, Objectives
from sfmodel.alerts.openmetrics import GOOD, TASKS, bound


def rules(objectives: Objectives, platform: str) -> dict[str, Any]:
    """The file of rules, as YAML has it."""
    groups = [
        {"name": f"{platform}_{one.name}", "rules": [*_recorded(one), *_alerts(one)]} for one in objectives.objectives
    ]
    return {"groups": groups}


def _recorded(objective: Objective) -> list[dict[str, Any]]:
    windows = sorted({window for alert in objective.alerts for window in (alert.long, alert.short)})
    return [{"record": _name(objective, window), "expr": _share(objective, window)} for window in windows]


def _alerts(objective: Objective) -> list[dict[str, Any]]:
    return [
        {
            "alert": f"{objective.name}_burns_{alert.burn:g}_times_over_{_written(alert.long)}".replace(".", "_"),
            "expr": " and ".join(
                f"{_name(objective, window)} > {alert.burn * objective.budget:.6g}"
                for window in (alert.long, alert.short)
            ),
            "labels": {"objective": objective.name},
            "annotations": {"summary": _said(objective, alert)},
        }
        for alert in objective.alerts
    ]


def _share(objective: Objective, window_s: float) -> str:
    """Share that is not good over a window."""
    chosen = f'endpoint=~"{"|".join(name.replace(".", "[.]") for name in objective.endpoints)}"'
    total = f"sum(rate({TASKS}_total{{{chosen}}}[{_written(window_s)}]))"
    if objective.within is None:
        good = f'sum(rate({TASKS}_total{{{chosen},outcome="ok"}}[{_written(window_s)}]))'
    else:
        good = f'sum(rate({GOOD}_bucket{{{chosen},le="{bound(objective.within)}"}}[{_written(window_s)}]))'
    return f"1 - {good} / {total}"


def _name(objective: Objective, window_s: float) -> str:
    return f"sfmodel:{objective.name}_bad:ratio_rate{_written(window_s)}"


def _said(objective: Objective, alert: Alert) -> str:
    what, windows = objective.say or objective.name, f"{_written(alert.long)} and {_written(alert.short)}"
    return (
        f"{what}: expected of {100 * objective.objective:.4g} % of them; over {windows} the rest is used up "
        f"{alert.burn:g} times as fast as it may"
    )


def _written(window_s: float) -> str:
    """A duration as Prometheus writes it."""
    for unit, length_s in (("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        if window_s >= length_s and window_s % length_s == 0:
            return f"{window_s / length_s:.0f}{unit}"
    return f"{window_s * 1000:.0f}ms"
