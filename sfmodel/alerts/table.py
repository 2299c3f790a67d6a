"""Alarms as a table for a terminal, and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.alarms import kinds
from sfmodel.alerts.objectives import Objectives
from sfmodel.alerts.over_seeds import AfterTrigger, Detection
from sfmodel.clock import clock
from sfmodel.results.summary import format_value
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table


def alarms_table(found: Sequence[Alarm], objectives: Objectives, trigger_s: float | None, title: str = "") -> Table:
    """Lay out alerts: a line for each time that one fires, and one for each that never does."""
    table = _table(title, objectives)
    table.add_column("fires", no_wrap=True)
    table.add_column("until", no_wrap=True)
    table.add_column("highest", justify="right", no_wrap=True)
    if trigger_s is not None:
        table.add_column("after the trigger", justify="right", no_wrap=True)
    for promise, alert in kinds(objectives):
        own = [one for one in found if (one.promise, one.kind) == (promise, alert)]
        for one in own:
            after = [] if trigger_s is None else [_after(one.fires_s - trigger_s)]
            until = "goes on" if one.lasts else clock(one.ends_s)
            table.add_row(promise, one.alert, clock(one.fires_s), until, one.highest, *after)
        if not own:
            table.add_row(promise, alert, "never", style="dim")
    return table


def alarms_data(found: Sequence[Alarm], trigger_s: float | None) -> list[dict[str, Any]]:
    """Alarms as JSON holds them."""
    return [
        {
            "objective": one.promise, "alert": one.alert, **one.data,
            "fires_s": one.fires_s, "ends_s": one.ends_s, "lasts": one.lasts,
            "after_trigger_s": None if trigger_s is None else one.fires_s - trigger_s,
        }
        for one in found
    ]  # fmt: skip


def detections_table(found: Sequence[Detection], objectives: Objectives, title: str = "") -> Table:
    """Lay out what each alert does in the replications of a run."""
    table = _table(title, objectives)
    triggered = any(one.after is not None for one in found)
    for head in (
        "fires in",
        "share of seeds",
        "times each",
        *(("after the trigger", "false alarms before") if triggered else ()),
    ):
        table.add_column(head, justify="right", no_wrap=True)
    for one in found:
        share = f"{100 * one.share[0]:.0f}–{100 * one.share[1]:.0f} %"
        beside = [] if one.after is None else [_delays(one.after), f"{one.after.false_alarms} of {one.seeds}"]
        seen = one.fired or (one.after is not None and one.after.false_alarms)
        table.add_row(
            one.promise, one.alert, f"{one.fired} of {one.seeds}", share, f"{one.times:.3g}", *beside,
            style=None if seen else "dim",
        )  # fmt: skip
    return table


def detections_data(found: Sequence[Detection]) -> list[dict[str, Any]]:
    """The same as JSON holds it; a median that is null beside delays is longer than the time that was watched."""
    return [
        {
            "objective": one.promise, "alert": one.alert, "fired": one.fired, "seeds": one.seeds, "share": list(one.share),
            "times": one.times, **_after_data(one.after),
        }
        for one in found
    ]  # fmt: skip


def _after_data(after: AfterTrigger | None) -> dict[str, Any]:
    if after is None:
        return {"delays_s": None, "median_s": None, "watched_s": None, "false_alarms": None, "firing": None}
    return {
        "delays_s": list(after.delays_s), "median_s": after.median_s, "watched_s": after.watched_s,
        "false_alarms": after.false_alarms, "firing": after.firing,
    }  # fmt: skip


def _table(title: str, objectives: Objectives) -> Table:
    from rich.markup import escape

    table = plain_table(title)
    table.caption = "; ".join(
        f"{one.name}: {escape(one.say or ', '.join(one.endpoints))}, {100 * one.objective:g} % of them"
        for one in objectives.objectives
    )
    table.caption_justify = "left"
    table.add_column("objective", no_wrap=True)
    table.add_column("alert", overflow="fold")
    return table


def _after(seconds: float) -> str:
    return format_value(seconds, "s") if seconds >= 0 else "before it"


def _delays(after: AfterTrigger) -> str:
    """The median, with the earliest and the latest."""
    if after.firing == after.seeds:
        return "firing before"
    middle = f"> {format_value(after.watched_s, 's')}" if after.median_s is None else format_value(after.median_s, "s")
    if not after.delays_s or after.seeds == 1:
        return middle
    always = len(after.delays_s) + after.firing == after.seeds
    latest = format_value(max(after.delays_s), "s") if always else "never"
    return f"{middle} ({format_value(min(after.delays_s), 's')}–{latest})"
