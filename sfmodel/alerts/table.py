"""Alarms as a table for a terminal, and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.alarms import kinds
from sfmodel.alerts.objectives import Objectives
from sfmodel.alerts.over_seeds import Record
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


def records_table(found: Sequence[Record], objectives: Objectives, title: str = "") -> Table:
    """Lay out what each alert does in the replications of a run."""
    table = _table(title, objectives)
    table.add_column("fires in", justify="right", no_wrap=True)
    table.add_column("share of seeds", justify="right", no_wrap=True)
    table.add_column("times each", justify="right", no_wrap=True)
    if any(one.delays_s is not None for one in found):
        table.add_column("after the trigger", justify="right", no_wrap=True)
    for one in found:
        share = f"{100 * one.share[0]:.0f}–{100 * one.share[1]:.0f} %"
        after = [] if one.delays_s is None else [_delays(one.delays_s)]
        table.add_row(
            one.promise, one.alert, f"{one.fired} of {one.seeds}", share, f"{one.times:.3g}", *after,
            style=None if one.fired else "dim",
        )  # fmt: skip
    return table


def records_data(found: Sequence[Record]) -> list[dict[str, Any]]:
    """The same as JSON holds it."""
    return [
        {
            "objective": one.promise, "alert": one.alert, "fired": one.fired, "seeds": one.seeds, "share": list(one.share),
            "times": one.times, "delays_s": None if one.delays_s is None else list(one.delays_s),
        }
        for one in found
    ]  # fmt: skip


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


def _delays(found: Sequence[float]) -> str:
    """The middle one, with the earliest and the latest."""
    import numpy as np

    if not found:
        return ""
    middle = format_value(float(np.median(found)), "s")
    return middle if len(found) == 1 else f"{middle} ({format_value(min(found), 's')}–{format_value(max(found), 's')})"
