"""The beginning of the case study's page: its four questions, each answered in a sentence or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from casestudy_found import (
    SHORT,
    TRIGGER_S,
    Found,
    NotThereError,
    is_found,
    judged,
    said_effect,
    said_figure,
    said_of_queue,
    said_share,
    said_where,
    storms_of,
)

from sfmodel.clock import clock
from sfmodel.report.words import joined

SOON_S = 120.0
"""From a trigger to the beginning of the cascade that is put down to it, at most."""
MOST_CAUSES = 3
"""Causes that are named."""


def in_short(found: Found) -> list[str]:
    """A line for each question, also where its answer is missing."""
    return [f"- **{question}** {_told(found, tell)}" for question, tell in QUESTIONS.items()]


def _told(found: Found, tell: Callable[[Found], str]) -> str:
    try:
        return tell(found)
    except NotThereError as error:
        return f"Missing: {error}."


def path(found: Found) -> str:
    """Of each storm the cascade that begins with its trigger, and the one that goes on longest."""
    return "".join(f"\n  - {title}: {_told(found, partial(_told_of_storm, run))}" for run, title in SHORT.items())


def _told_of_storm(run: str, found: Found) -> str:
    storms = storms_of(run, found.of(f"spread-{run}"))
    if not storms:
        return "no cascade was found."
    begun = [one for one in storms if 0 <= one["begins_s"] - TRIGGER_S[run] <= SOON_S][:1]
    longest = max(storms, key=lambda storm: storm["ends_s"] - storm["begins_s"])
    told = [_cascade(run, found, one) for one in [*begun, *([] if longest in begun else [longest])]]
    return " Beside it ".join(told)


def _cascade(run: str, found: Found, one: Mapping[str, Any]) -> str:
    until = "on, without an end in the run" if one["lasts"] else f"to {clock(one['ends_s'])}"
    return (
        f"{found.link(' → '.join(one['path']), run, 'cascades')}, from {clock(one['begins_s'])} {until}; "
        f"{said_share(one['share'])} of the trouble at {one['path'][-1]} comes from {one['cause']}."
    )


def service(found: Found) -> str:
    """What most failures come from, and what more of which resource would change."""
    causes = sorted(found.of("hurts")["causes"], key=lambda one: -(one["failure_share"] or 0))
    named = [f"{said_share(one['failure_share'])} from {one['cause']}" for one in causes[:MOST_CAUSES] if one["failure_share"]]
    fails = f"Of what fails at the peak, {joined(named)} come." if named else "Nothing fails at the peak."
    sure = [one for one in found.of("more")["bottlenecks"] if is_found(one["failing"]) and one["failing"]["mean"] < 0]
    if not sure:
        return f"{fails} More of no single resource that was tried changes failures beyond chance."
    most = min(sure, key=lambda one: one["failing"]["mean"])
    more = f"{100 * (most['factor'] - 1):.0f} % more of {most['resource']}"
    return f"{fails} {more} takes most of the failures away, {said_effect(most['failing'], 'share')}."


def queue(found: Found) -> str:
    """Where most wait, and what a queue between gateway and engine changes."""
    stations = found.of("time")["stations"]
    waits = max(stations, key=lambda one: one["waiting"] or 0, default=None)
    first = f"Most tasks wait at {waits['station']}." if waits and waits["waiting"] else "No task waits."
    said = "; ".join(said_of_queue(found.of("effects")))
    return f"{first} A queue between gateway and engine: {said or 'its run is not finished'}."


def change(found: Found) -> str:
    """Which change helps the first aim most, in each scenario."""
    data = found.of("effects")
    key = judged(data["figures"])[0]
    figure = data["figures"][key]
    said = [f"{said_where(part)}: {_first(part['rows'], key, figure['unit'])}" for part in data["effects"]]
    return f"{figure['name']}: {'; '.join(said)}. What may be chance is in parentheses, as everywhere."


def _first(rows: list[Mapping[str, Any]], key: str, unit: str) -> str:
    single = [row for row in rows if "+" not in row["change"] and row["figures"].get(key)]
    best = max(single, key=lambda row: row["figures"][key]["size"] or 0, default=None)
    return "nothing is known" if best is None else f"{best['change']}, {said_figure(best['figures'][key], unit)}"


QUESTIONS: dict[str, Callable[[Found], str]] = {
    "Which path?": path,
    "Which service?": service,
    "Where should a queue be?": queue,
    "What should be changed first?": change,
}
"""Question → who answers it."""
