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
    effects_of_queue,
    gain,
    is_storm,
    judged,
    said_effect,
    said_figure,
    said_of_cascade,
    said_share,
    said_where,
    storms_of,
)

from sfmodel.diagnosis.bottleneck_table import bottlenecks_of
from sfmodel.report.words import joined
from sfmodel.results.replications import written_seeds

SOON_S = 120.0
"""From a trigger to the beginning of the cascade that is put down to it, at most."""
AT_OTHER_LEVELS = (
    "It is not tried here at other levels of demand; with more of it the queue may harm: experiments/interventions.md, "
    "*Levels of demand*."
)
ONE_SEED = "With one seed it is not known"
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
    """Of each storm the cascades that begin with its trigger, and the one that goes on longest; last what its cuts refute."""
    return "".join(f"\n  - {title}: {_told(found, partial(_told_of_storm, run))}" for run, title in SHORT.items())


def _told_of_storm(run: str, found: Found) -> str:
    spread = found.of(f"spread-{run}")
    storms = storms_of(run, spread)
    if not storms:
        before = len(spread["cascades"])
        return f"no cascade goes on after the trigger; {before} were over before." if before else "no cascade was found."
    soon = [one for one in storms if 0 <= one["begins_s"] - TRIGGER_S[run] <= SOON_S]
    begun = sorted(soon, key=lambda storm: -storm["share"])
    longest = max(storms, key=lambda storm: storm["ends_s"] - storm["begins_s"])
    told = sorted([*begun, *([] if longest in begun else [longest])], key=lambda one: _is_refuted(cuts_of(spread, one)))
    there = "was there" if longest["begins_s"] < TRIGGER_S[run] else "comes later"
    first = "" if begun else f"No cascade begins with the trigger; one that {there} is "
    said = [f"{said_of_cascade(found, run, one)}{_cut(cuts_of(spread, one))}" for one in told]
    return first + " Beside it ".join(said)


def _is_refuted(cuts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an edge of the way that a cascade seems to go does not hold."""
    return any(one["how"] in ("waits", "fails") and one["verdict"] == "does not hold" for one in cuts)


def _cut(cuts: Sequence[Mapping[str, Any]]) -> str:
    """Without which edges a cascade does not come, and without which it comes all the same."""
    each = {verdict: [f"{one['source']} → {one['target']} ({said_share(one['left'])} of the trouble at {one['symptom']} is left)"
                      for one in cuts if one["verdict"] == verdict] for verdict in ("holds", "does not hold")}  # fmt: skip
    needs = f" Each cut alone, it does not come without {joined(each['holds'])}." if each["holds"] else ""
    return needs + (f" It comes also without {joined(each['does not hold'])}." if each["does not hold"] else "")


def service(found: Found) -> str:
    """What most failures come from, and what more of which resource would change."""
    causes = sorted(found.of("hurts")["causes"], key=lambda one: -(one["failure_share"] or 0))
    named = [f"{said_share(one['failure_share'])} from {one['cause']}" for one in causes[:MOST_CAUSES] if one["failure_share"]]
    when = found.of("hurts")["period"]
    fails = f"Of what fails from {when}, {joined(named)} come." if named else f"Nothing fails from {when}."
    tried = bottlenecks_of(found.of("more")["bottlenecks"])
    fewer = [one for one in tried if one.effects["failing"].is_found and one.effects["failing"].mean < 0]
    if not fewer:
        unknown = any(one.effects["failing"].is_found is None for one in tried)
        sure = f"{ONE_SEED} whether more of a resource lessens failures" if unknown else (
            "More of no single resource that was tried lessens failures beyond chance")  # fmt: skip
        return f"{fails} {sure}."
    most = min(fewer, key=lambda one: one.effects["failing"].mean)
    more = f"{100 * (most.factor - 1):.0f} % more of {most.candidate.name}"
    return (
        f"{fails} Of what was tried, {more} lessens failures most, {said_effect(most.effects['failing'], 'share')} from "
        f"{found.of('more')['period']}."
    )


def queue(found: Found) -> str:
    """Where most wait, and what a queue between gateway and engine changes beyond chance."""
    stations = found.of("time")["stations"]
    waits = max(stations, key=lambda one: one["waiting"] or 0, default=None)
    first = f"Most tasks wait at {waits['station']}." if waits and waits["waiting"] else "No task waits."
    every = effects_of_queue(found.of("effects"))
    if not every:
        return f"{first} What a queue between gateway and engine changes is missing: its run is not finished."
    known = [is_found for each in every.values() for _, is_found in each]
    if not any(known):
        sure = "nothing" if None not in known else "not known, of one seed"
    else:
        each = {where: [said for said, is_found in sizes if is_found] for where, sizes in every.items()}
        sure = "; ".join(f"{where}: {joined(said)}" for where, said in each.items() if said)
    return f"{first} What a queue between gateway and engine changes beyond chance: {sure}. {AT_OTHER_LEVELS}"


def change(found: Found) -> str:
    """Which single changes help most: on a plain evening by the first aim, in a storm by what fails."""
    data = found.of("effects")
    figures, keys = data["figures"], judged(data["figures"])
    said = []
    for part in data["effects"]:
        key = keys[-1] if is_storm(part) else keys[0]
        best = best_first([row for row in part["rows"] if "+" not in row["change"]], key)
        help_most = [row for row in best if row["figures"][key]["found"] and gain(row, key) > 0][:2]
        first = ", then ".join(f"{row['change']}, {said_figure(row['figures'][key], figures[key]['unit'])}" for row in help_most)
        if not first:
            unknown = any(row["figures"][key]["found"] is None for row in best)
            first = f"{best[0]['change']} is best, of one seed" if unknown else "none beyond chance"
        said.append(f"\n  - {said_where(part)}, {figures[key]['name']}: {first} (seeds {written_seeds(part['seeds'])}).")
    return f"One at a time:{''.join(said)}"


QUESTIONS: dict[str, Callable[[Found], str]] = {
    "Which path?": path,
    "Which service?": service,
    "Where should a queue be?": queue,
    "What should be changed first?": change,
}
"""Question → who answers it."""
