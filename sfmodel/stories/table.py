"""A story as it is told of a run: a table for a terminal, and data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sfmodel.clock import clock
from sfmodel.results.summary import format_value
from sfmodel.rows.table import plain_table
from sfmodel.stories.story import Story
from sfmodel.stories.telling import Told, found_in_order

if TYPE_CHECKING:
    from rich.table import Table


def story_table(story: Story, told: Sequence[Told], begins_s: float, title: str = "") -> Table:
    """Lay a story out: when each step began, how long after the trigger, where, and the number that shows it."""
    from rich.markup import escape

    table = plain_table(title or story.title)
    table.add_column("began", justify="right", no_wrap=True)
    table.add_column("step", ratio=1)
    for name in ("before", "then", "without", "at its worst"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in told:
        unit = one.step.unit
        began = "–" if one.began_s is None else f"{clock(one.began_s, seconds=True)}\n{after(one.began_s - begins_s)}"
        numbers = [format_value(value, unit) for value in (one.before, one.then, one.usual)]
        worst = "" if one.worst_s is None else f"\nat {clock(one.worst_s, seconds=True)}"
        table.add_row(
            began, escape(f"{one.step.at}: {one.step.label}"), *numbers, format_value(one.worst, unit) + worst
        )
    return table


def story_data(story: Story, told: Sequence[Told], begins_s: float) -> dict[str, Any]:
    """A story as JSON can hold it; times in s since midnight."""
    return {
        "title": story.title,
        "trigger_s": begins_s,
        "in_order": found_in_order(told),
        "steps": [
            {
                "label": one.step.label,
                "service": one.step.at,
                "unit": one.step.unit,
                "began_s": one.began_s,
                "before": one.before,
                "then": one.then,
                "without": one.usual,
                "worst": one.worst,
                "worst_s": one.worst_s,
            }
            for one in told
        ],
    }


def moral(told: Sequence[Told]) -> str:
    """Say how many steps were found, whether in the order of the story, and of how many no order is seen."""
    found = [one.began_s for one in told if one.began_s is not None]
    if not found:
        return f"None of the {len(told)} steps was found."
    order = "not all in the order of the story"
    if found_in_order(told) == len(found) / len(told):
        early = sum(began_s < max(found[:k]) for k, began_s in enumerate(found) if k)
        order = "in the order of the story" + (f", {early} of them early within their slack" if early else "")
    together = sum(began_s in found[:k] for k, began_s in enumerate(found))
    unseen = f" {together} of them began in the window of one before, where no order is seen." if together else ""
    return f"{len(found)} of {len(told)} steps were found, {order}.{unseen}"


def after(seconds: float) -> str:
    """A while: +0:40, +12:10; the window in which the trigger lies counts as none."""
    whole = max(0, round(seconds))
    return f"+{whole // 60}:{whole % 60:02d}"
