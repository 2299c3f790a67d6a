"""The beginning of the case study's page: its four questions, each answered in a sentence or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from casestudy_found import (
    SHORT,
    TRIGGER_S,
    Found,
    NotThereError,
    best_first,
    cuts_of,
    is_found,
    is_storm,
    judged,
    said_effect,
    said_figure,
    said_of_cascade,
    said_of_queue,
    said_share,
    said_where,
    storms_of,
)

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
    told = [said_of_cascade(found, run, one) for one in [*begun, *([] if longest in begun else [longest])]]
    return " Beside it ".join(told) + _cut(cuts_of(found.of(f"spread-{run}"), storms))


def _cut(cuts: Sequence[Mapping[str, Any]]) -> str:
    """What was cut to its end, and what was cut for nothing."""
    each = {verdict: [f"{one['source']} → {one['target']} ({said_share(one['left'])} is left)" for one in cuts
                      if one["verdict"] == verdict] for verdict in ("holds", "does not hold")}  # fmt: skip
    stops = f" What ends it when it is cut: {joined(each['holds'])}." if each["holds"] else ""
    return stops + (f" What does not: {joined(each['does not hold'])}." if each["does not hold"] else "")


def service(found: Found) -> str:
    """What most failures come from, and what more of which resource would change."""
    causes = sorted(found.of("hurts")["causes"], key=lambda one: -(one["failure_share"] or 0))
    named = [f"{said_share(one['failure_share'])} from {one['cause']}" for one in causes[:MOST_CAUSES] if one["failure_share"]]
    when = found.of("hurts")["period"]
    fails = f"Of what fails from {when}, {joined(named)} come." if named else f"Nothing fails from {when}."
    sure = [one for one in found.of("more")["bottlenecks"] if is_found(one["failing"]) and one["failing"]["mean"] < 0]
    if not sure:
        return f"{fails} More of no single resource that was tried changes failures beyond chance."
    most = min(sure, key=lambda one: one["failing"]["mean"])
    more = f"{100 * (most['factor'] - 1):.0f} % more of {most['resource']}"
    return (
        f"{fails} Of what was tried, {more} lessens failures most, {said_effect(most['failing'], 'share')} from "
        f"{found.of('more')['period']}."
    )


def queue(found: Found) -> str:
    """Where most wait, and what a queue between gateway and engine changes beyond chance."""
    stations = found.of("time")["stations"]
    waits = max(stations, key=lambda one: one["waiting"] or 0, default=None)
    first = f"Most tasks wait at {waits['station']}." if waits and waits["waiting"] else "No task waits."
    every = said_of_queue(found.of("effects"))
    if not every:
        return f"{first} What a queue between gateway and engine changes is missing: its run is not finished."
    sure = "; ".join(said_of_queue(found.of("effects"), only_found=True))
    return f"{first} What a queue between gateway and engine changes beyond chance: {sure or 'nothing'}."


def change(found: Found) -> str:
    """Which single change helps most: on a plain evening the first aim, in a storm the last, failures."""
    data = found.of("effects")
    figures, keys = data["figures"], judged(data["figures"])
    said = []
    for part in data["effects"]:
        key = keys[-1] if is_storm(part) else keys[0]
        best = best_first([row for row in part["rows"] if "+" not in row["change"]], key, keys)
        first = [f"{row['change']}, {said_figure(row['figures'][key], figures[key]['unit'])}" for row in best[:2]]
        said.append(f"\n  - {said_where(part)}, {figures[key]['name']}: {', then '.join(first) or 'nothing is known'}.")
    return f"One at a time; what may be chance is in parentheses, as everywhere.{''.join(said)}"


QUESTIONS: dict[str, Callable[[Found], str]] = {
    "Which path?": path,
    "Which service?": service,
    "Where should a queue be?": queue,
    "What should be changed first?": change,
}
"""Question → who answers it."""
