"""Alarms as a table for a terminal, and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sfmodel.alerts.burning import Alarm
from sfmodel.alerts.objectives import Objectives
from sfmodel.clock import clock
from sfmodel.results.summary import format_value
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table


def alarms_table(found: Sequence[Alarm], objectives: Objectives, trigger_s: float | None, title: str = "") -> Table:
    """Lay out alerts: a line for each time that one fires, and one for each that never does."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("objective", ratio=2, overflow="fold")
    table.add_column("alert", no_wrap=True)
    table.add_column("fires", no_wrap=True)
    table.add_column("until", no_wrap=True)
    table.add_column("highest", justify="right", no_wrap=True)
    if trigger_s is not None:
        table.add_column("after the trigger", justify="right", no_wrap=True)
    for objective in objectives.objectives:
        for alert in objective.alerts:
            own = [one for one in found if one.objective == objective and one.alert == alert]
            about = escape(objective.say or objective.name), f"{alert.burn:g} × in {_hours(alert.long)}"
            for one in own:
                after = [] if trigger_s is None else [_after(one.fires_s - trigger_s)]
                until = "goes on" if one.lasts else clock(one.ends_s)
                table.add_row(*about, clock(one.fires_s), until, f"{one.highest:.3g} ×", *after)
            if not own:
                table.add_row(*about, "never", style="dim")
    return table


def alarms_data(found: Sequence[Alarm], trigger_s: float | None) -> list[dict[str, Any]]:
    """Alarms as JSON holds them."""
    return [
        {
            "objective": one.objective.name, "burn": one.alert.burn, "long_s": one.alert.long, "short_s": one.alert.short,
            "fires_s": one.fires_s, "ends_s": one.ends_s, "lasts": one.lasts, "highest": one.highest,
            "after_trigger_s": None if trigger_s is None else one.fires_s - trigger_s,
        }
        for one in found
    ]  # fmt: skip


def _after(seconds: float) -> str:
    return format_value(seconds, "s") if seconds >= 0 else "before it"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"
