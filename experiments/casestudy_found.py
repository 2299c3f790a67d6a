"""What the commands of experiments/casestudy.py printed, and how the page says it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfmodel.clock import clock
from sfmodel.errors import SfmodelError
from sfmodel.report.words import joined
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

    def of(self, name: str) -> Any:
        """What a task printed.

        Raises
        ------
        NotThereError
            It is not there.
        """
        self.check(name)
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    def check(self, name: str) -> None:
        """Raise as `of` does, of a task whose output is no JSON."""
        kept = self.kept.get(name)
        if kept is None:
            raise NotThereError(f"{name} has not been run")
        if kept["failed"]:
            raise NotThereError(f"{name} failed: {kept['failed']}")

    def until(self, name: str) -> str | None:
        """When the runs of a task end, as it was asked for; none: it was not."""
        given = [word for word in self.kept.get(name, {}).get("words", ()) if word.startswith("until=")]
        return given[-1].removeprefix("until=") if given else None

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


def cuts_of(spread: Mapping[str, Any], storms: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Edges of these cascades that were cut, in their order."""
    begin = [one["begins_s"] for one in storms]
    cuts = [one for one in spread["ablations"] if one["cascade_begins_s"] in begin]
    return sorted(cuts, key=lambda one: begin.index(one["cascade_begins_s"]))


def is_storm(part: Mapping[str, Any]) -> bool:
    """Whether effects are those in a storm."""
    return bool({*part["where"].values()} & {*TITLES})


def judged(figures: Mapping[str, Any]) -> list[str]:
    """The first aim, and failures."""
    return list(dict.fromkeys([next(iter(figures)), *(["failures"] if "failures" in figures else [])]))


def best_first(rows: Sequence[Mapping[str, Any]], key: str, keys: Sequence[str]) -> list[Mapping[str, Any]]:
    """Changes that show a figure, the best first: of the first aim more is better, of failures fewer."""
    sign = 1 if key == keys[0] else -1
    shown = [row for row in rows if (row["figures"].get(key) or {}).get("size") is not None]
    return sorted(shown, key=lambda row: -sign * row["figures"][key]["size"])


def said_where(part: Mapping[str, Any]) -> str:
    """Of which runs effects are."""
    known = {"none": PLAIN} | SHORT
    return ", ".join(known.get(label, f"{key} {label}") for key, label in part["where"].items()) or PLAIN


def said_of_queue(effects: Mapping[str, Any], only_found: bool = False) -> list[str]:
    """What the queue changes, in each scenario of which its run is finished; or only what is more than chance."""
    figures = effects["figures"]
    each = [
        (said_where(part), [(figures[key], row["figures"].get(key)) for key in judged(figures)])
        for part in effects["effects"] for row in part["rows"] if row["change"] == QUEUE
    ]  # fmt: skip
    said = [
        (where, [f"{figure['name']} {said_figure(size, figure['unit'])}" for figure, size in sizes
                 if not only_found or (size and size["found"])])
        for where, sizes in each
    ]  # fmt: skip
    return [f"{where}: {joined(words)}" for where, words in said if words]


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as Markdown has it."""
    return [f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rows)]


def said_share(value: float | None) -> str:
    """A share; nothing: it is not known."""
    return "" if value is None else format_value(value, "share")


def is_found(effect: Mapping[str, float | None]) -> bool:
    """Whether it is more than chance."""
    return effect["half"] is not None and abs(effect["mean"] or 0.0) > effect["half"]


def said_effect(effect: Mapping[str, float | None], unit: str) -> str:
    """What more of a resource changes; in parentheses what may be chance."""
    half = effect["half"]
    text = signed_interval(Interval(effect["mean"] or 0.0, float("nan") if half is None else half, 2), unit)
    return text if is_found(effect) else f"({text})"


def said_figure(figure: Mapping[str, Any] | None, unit: str) -> str:
    """What a change does to a figure; in parentheses what may be chance."""
    if figure is None or figure["size"] is None:
        return ""
    half = float("nan") if figure["low"] is None else (figure["high"] - figure["low"]) / 2
    text = signed_interval(Interval(figure["size"], half, 2), unit)
    return text if figure["found"] else f"({text})"
