"""What the commands of experiments/casestudy.py printed, and how the page says it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sfmodel.aims import aims_of
from sfmodel.clock import clock
from sfmodel.errors import SfmodelError
from sfmodel.results.comparison_table import signed_interval
from sfmodel.results.intervals import Interval
from sfmodel.results.summary import format_value

TITLES = {"f1_at_peak": "F1, the LLM asked beyond its quota from 21:00 for half an hour",
          "s1_at_peak": "S1, a viral upload at 21:00",
          "f4_engine_half": "F4, half of the engine's machines gone at 20:30 for three minutes"}  # fmt: skip
SHORT = {name: title.partition(",")[0] for name, title in TITLES.items()}
TRIGGER_S = {"f1_at_peak": 75600.0, "s1_at_peak": 75600.0, "f4_engine_half": 73800.0}
"""When each begins, s since midnight."""
PLAIN = "an evening without a storm"
QUEUE = "gateway_queue"
"""The intervention that puts a queue between gateway and engine."""


class NotThereError(SfmodelError):
    """A task has not been run, or failed; the message says why."""


@dataclass(frozen=True)
class Found:
    """What the commands printed."""

    folder: Path
    kept: Mapping[str, Mapping[str, Any]]
    quick: bool
    _read: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def of(self, name: str) -> Any:
        """What a task printed.

        Raises
        ------
        NotThereError
            It is not there.
        """
        self.check(name)
        if name not in self._read:
            self._read[name] = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        return self._read[name]

    def check(self, name: str) -> None:
        """Raise as `of` does, of a task whose output is no JSON."""
        kept = self.kept.get(name)
        if kept is None:
            raise NotThereError(f"{name} has not been run")
        if kept["failed"]:
            raise NotThereError(f"{name} failed: {kept['failed']}")

    def hours(self, name: str) -> str | None:
        """From when to when the runs of a task go, as it was asked for; none: it was not."""
        given = dict(word.split("=", 1) for word in self.kept.get(name, {}).get("words", ()) if "=" in word)
        return f"{given['start']} to {given['until']}" if {"start", "until"} <= given.keys() else None

    def link(self, text: str, run: str, section: str) -> str:
        """A link to a figure of a run's report."""
        return f"[{text}](report-{run}.html#{section})"


def storms_of(run: str, spread: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Cascades of a run that go on after its trigger, as they begin."""
    return [one for one in spread["cascades"] if one["ends_s"] > TRIGGER_S[run]]


def said_of_cascade(found: Found, run: str, one: Mapping[str, Any]) -> str:
    """Its path, its time, and how much of the trouble at the end of the path comes from its cause."""
    until = "on, without an end in the run" if one["lasts"] else f"to {clock(one['ends_s'])}"
    return (
        f"{found.link(' → '.join(one['path']), run, 'cascades')}, from {clock(one['begins_s'])} {until}; "
        f"{said_share(one['share'])} of the trouble at {one['path'][-1]} comes from {one['cause']}."
    )


def cuts_of(spread: Mapping[str, Any], one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Edges that were cut in a cascade."""
    own = one["begins_s"], one["cause"]
    return [cut for cut in spread["ablations"] if (cut["cascade_begins_s"], cut["cascade_cause"]) == own]


def is_storm(part: Mapping[str, Any]) -> bool:
    """Whether effects are those in a storm."""
    return part["where"].get("scenario", "none") != "none"


def judged(figures: Mapping[str, Any]) -> list[str]:
    """The first aim, and failures."""
    return list(dict.fromkeys([next(iter(figures)), *(["failures"] if "failures" in figures else [])]))


def best_first(rows: Sequence[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    """Changes that show a figure, those that better it most first."""
    shown = [row for row in rows if (row["figures"].get(key) or {}).get("size") is not None]
    return sorted(shown, key=lambda row: -gain(row, key))


def gain(row: Mapping[str, Any], key: str) -> float:
    """By how much a change betters a figure, as the aim says; below 0 it harms."""
    more = any(aim.id == key and aim.better == "more" for aim in aims_of("streamflow").aims)
    size: float = row["figures"][key]["size"]
    return size if more else -size


def said_where(part: Mapping[str, Any]) -> str:
    """Of which runs effects are."""
    known = {"none": PLAIN} | SHORT
    return ", ".join(known.get(label, f"{key} {label}") for key, label in part["where"].items()) or PLAIN


def effects_of_queue(effects: Mapping[str, Any]) -> dict[str, list[tuple[str, bool | None]]]:
    """Of which runs → what the queue changes there, and whether that is more than chance; none: that is not known."""
    figures = effects["figures"]
    return {
        said_where(part): [
            (f"{figures[key]['name']} {said_figure(size, figures[key]['unit'])}", size["found"])
            for key in judged(figures) if (size := row["figures"].get(key))
        ]
        for part in effects["effects"] for row in part["rows"] if row["change"] == QUEUE
    }  # fmt: skip


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as Markdown has it."""
    return [f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rows)]


def said_share(value: float | None) -> str:
    """A share; nothing: it is not known."""
    return "" if value is None else format_value(value, "share")


def said_effect(effect: Interval, unit: str) -> str:
    """What more of a resource changes; in parentheses what may be chance."""
    text = signed_interval(effect, unit)
    return text if effect.is_found else f"({text})"


def said_figure(figure: Mapping[str, Any] | None, unit: str) -> str:
    """What a change does to a figure; in parentheses what may be chance."""
    if figure is None or figure["size"] is None:
        return ""
    half = float("nan") if figure["low"] is None else (figure["high"] - figure["low"]) / 2
    text = signed_interval(Interval(figure["size"], half, 2), unit)
    return text if figure["found"] else f"({text})"
