"""The headline figures of a run, and its classes of requests, as `sfmodel summary` has them."""

from __future__ import annotations

from typing import Any

from sfmodel.report.parts import Note, Part, Sheet, listing
from sfmodel.report.subject import RunSubject
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


def section(run: RunSubject) -> list[Part | Note]:
    """The table, and that of the classes."""
    run.needs()
    summary = read_summary(run.folder) or summarise(run.whole)
    parts: list[Part | Note] = [
        listing(summary_table(summary), "Headline figures", _says(summary), _sheet("headline", summary))
    ]
    parts += [Note(note) for note in notes(summary)]
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
    return [*parts, listing(classes, f"Requests by class, {PERIODS[period]}", says, Sheet("classes", columns), True)]


def _says(summary: dict[str, Any]) -> str:
    """Volume, tail and failures of each period."""
    said = []
    for period in (name for name in PERIODS if name in summary):
        figures = {key: summary[period].get(key) for key in _WHOLE}
        if all(figures.values()):
            count, p95, failed = (format_value(one["value"], one["unit"]) for one in figures.values() if one)
            said.append(f"{PERIODS[period]}: {count} requests ended, 95 % within {p95}, {failed} failed")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else "No request ended in this run."


def _sheet(name: str, summary: dict[str, Any]) -> Sheet:
    periods = [period for period in PERIODS if period in summary]
    keys = list(dict.fromkeys(key for period in periods for key in summary[period]))
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
