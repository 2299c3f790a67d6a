"""Objectives as rules for Prometheus, over the metrics of `openmetrics`.

For each objective and each window a recording rule has the share that is not good; each alert compares two of them. For each
service and each dependency one is there while it is in trouble; an alert on cascades compares the two ends of a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sfmodel.alerts.cascading import Watch, Watched
from sfmodel.alerts.objectives import Alert, Objective, Objectives
from sfmodel.alerts.openmetrics import ENDED, GOOD, SECONDS, TASKS, bound


def rules(objectives: Objectives, platform: str, watch: Watch | None = None) -> dict[str, Any]:
    """The file of rules, as YAML has it.

    Parameters
    ----------
    objectives
        What `read_objectives` returns.
    platform
        Name of the platform, for the groups' names.
    watch
        What the alert on cascades looks at, from `sfmodel.alerts.cascading.watch`; none: there is no such alert.
    """
    groups = [
        {"name": f"{platform}_{one.name}", "rules": [*_recorded(one), *_alerts(one)]} for one in objectives.objectives
    ]
    if watch is not None and watch.calls:
        groups.append({"name": f"{platform}_cascades", "interval": "10s", "rules": list(_cascades(watch))})
    return {"groups": groups}


def _cascades(watch: Watch) -> Iterator[dict[str, Any]]:
    """Who is in trouble, then an alert for each call between two services."""
    for service in dict.fromkeys(caller for caller, _ in watch.calls):
        expression = trouble(watch.services[service], watch.alert.window)
        yield {"record": "sfmodel:service_trouble", "expr": expression, "labels": {"service": service}}
    for (caller, callee), one in watch.calls.items():
        expression, ends = trouble(one, watch.alert.window), {"source": callee, "target": caller}
        yield {"record": "sfmodel:dependency_trouble", "expr": expression, "labels": ends}
    for caller, callee in watch.calls:
        yield {
            "alert": "cascade",
            "expr": f'sfmodel:dependency_trouble{{source="{callee}",target="{caller}"}} '
            f'and on() sfmodel:service_trouble{{service="{caller}"}}',
            "for": _written(watch.alert.lasting),
            "labels": {"objective": watch.alert.objective, "source": callee, "target": caller},
            "annotations": {"summary": f"{callee} drags down {caller}: both are in trouble, beside what is usual"},
        }


def trouble(watched: Watched, window_s: float) -> str:
    """How far above its limit something is, while it is, as an expression."""
    window = _written(window_s)

    def rate(metric: str, labels: tuple[str, ...], more: str = "") -> str:
        chosen = "|".join(re.sub(r"[^A-Za-z0-9_>-]", lambda found: f"[{found[0]}]", label) for label in labels)
        return f'sum(rate({metric}_total{{{watched.of}=~"{chosen}"{more}}}[{window}]))'

    def weighted(weights: dict[str, float], more: str = "") -> str:
        terms = [
            f"{weight:.9g} * ({rate(ENDED[watched.of], (label,), more)} or vector(0))"
            for label, weight in weights.items()
        ]
        return " + ".join(terms) or "0"

    known = dict(zip(watched.labels, watched.usual.seconds.tolist(), strict=True))
    shares = dict(zip(watched.labels, watched.usual.failing.tolist(), strict=True))
    known, shares = ({label: one for label, one in found.items() if one > 0} for found in (known, shares))
    ended = rate(ENDED[watched.of], watched.labels, ',outcome!="cancelled"')
    failed = rate(ENDED[watched.of], watched.labels, ',outcome!~"ok|cancelled"')
    counted = ',outcome!="cancelled"'
    failing = f"(({failed} or vector(0)) - ({weighted(shares, counted)})) / {ended} / {watched.failing:.9g} > 1"
    slow = f"{rate(SECONDS[watched.of], tuple(known))} / ({weighted(known)}) / {watched.slow:.9g} > 1"
    return (
        f"(({failing}) or ({slow})) and {ended} >= {watched.few / window_s:.9g}"
        if known
        else (f"({failing}) and {ended} >= {watched.few / window_s:.9g}")
    )


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
