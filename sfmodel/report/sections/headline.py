"""The headline figures of a run, and its classes of requests, as `sfmodel summary` has them."""

from __future__ import annotations

from typing import Any

from sfmodel.aims import aims_of
from sfmodel.report.parts import Note, Part, Sheet, listing
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted
from sfmodel.results.summary import (
    PERIODS,
    classes_table,
    format_value,
    notes,
    read_summary,
    summarise,
    summary_table,
)

_WHOLE = ("requests", "response_p95", "failed")
_OF_REQUESTS = ("requests", "request_rate", "response_", "failed")


def section(run: RunSubject) -> list[Part | Note]:
    """The table, and that of the classes."""
    run.needs()
    summary = read_summary(run.folder) or summarise(run.whole)
    first, others = _divided(summary, run)
    parts: list[Part | Note] = [Note(note) for note in notes(summary)]
    parts.append(
        listing(summary_table(first), "Headline figures", _says(summary), _sheet("headline", summary), False, True)
    )
    classes = classes_table(summary)
    if classes is None:
        return [*parts, Note("There are no classes of requests: no request ended in this run.")]
    period = "peak" if "peak" in summary["classes"] else "whole"
    found = summary["classes"][period]
    columns: dict[str, list[Any]] = {"class": list(found)}
    for key, unit in (("requests", "1"), ("ok", "share"), ("mean", "s"), ("p95", "s"), ("p99", "s")):
        columns[f"{key} ({unit})" if unit != "1" else key] = [row[key] for row in found.values()]
    slowest = max(found, key=lambda name: found[name]["p95"] or 0.0)
    worst = min(found, key=lambda name: 1.0 if found[name]["ok"] is None else found[name]["ok"])
    says = (
        f"Slowest at p95 is {slowest}, {format_value(found[slowest]['p95'], 's')}; most often unanswered is {worst}, of which "
        f"{format_value(found[worst]['ok'], 'share')} were answered ({PERIODS[period]})."
    )
    title = f"Requests by class, {PERIODS[period]}"
    parts.append(listing(classes, title, says, Sheet("classes", columns), False, True))
    of = "of users, caches, limiters, the busiest stations, queues and counters"
    more = f"{counted(len(_keys(others)), 'further figure')}: {of}."
    return [*parts, listing(summary_table(others), "Further figures", more, _sheet("further", others), True)]


def _divided(summary: dict[str, Any], run: RunSubject) -> tuple[dict[str, Any], dict[str, Any]]:
    """The aims of the platform and the figures of requests; and all others."""
    aims = {aim.id for aim in aims_of(str(run.ds.attrs.get("platform"))).aims}

    def kept(key: str, is_first: bool) -> bool:
        return (key in aims or key.startswith(_OF_REQUESTS)) == is_first

    return tuple(  # type: ignore[return-value]
        {
            period: {key: one for key, one in summary[period].items() if kept(key, is_first)}
            for period in _periods(summary)
        }
        for is_first in (True, False)
    )


def _periods(summary: dict[str, Any]) -> list[str]:
    return [period for period in PERIODS if period in summary]


def _keys(summary: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(key for period in _periods(summary) for key in summary[period]))


def _says(summary: dict[str, Any]) -> str:
    """Volume, tail and failures of each period."""
    said = []
    for period in _periods(summary):
        figures = {key: summary[period].get(key) for key in _WHOLE}
        if all(figures.values()):
            count, p95, failed = (format_value(one["value"], one["unit"]) for one in figures.values() if one)
            said.append(f"{PERIODS[period]}: {count} requests ended, 95 % within {p95}, {failed} failed")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else "No request ended in this run."


def _sheet(name: str, summary: dict[str, Any]) -> Sheet:
    periods, keys = _periods(summary), _keys(summary)
    first = [next(summary[period][key] for period in periods if key in summary[period]) for key in keys]
    columns: dict[str, list[Any]] = {
        "key": keys, "figure": [one["name"].strip() for one in first], "unit": [one["unit"] for one in first],
    }  # fmt: skip
    for period in periods:
        entries = [summary[period].get(key, {}) for key in keys]
        columns[PERIODS[period]] = [one.get("value") for one in entries]
        if any("low" in one for one in entries):
            columns |= {f"{PERIODS[period]}, {end}": [one.get(end) for one in entries] for end in ("low", "high")}
    return Sheet(name, columns)
