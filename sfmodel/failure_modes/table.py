"""Failure modes as a table for a terminal, and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfmodel.failure_modes.modes import Mode
from sfmodel.failure_modes.trials import Setting
from sfmodel.failure_modes.words import shares
from sfmodel.results.summary import format_value
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table

_OVER = {True: "still broken", False: "over", None: "not known"}


def modes_table(modes: Mapping[str, Mode], setting: Setting, title: str = "") -> Table:
    """Lay out modes, by the names of their scenarios: the cheapest first."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("cost", justify="right", no_wrap=True)
    table.add_column("trigger", ratio=3, overflow="fold")
    table.add_column("not good", ratio=2, overflow="fold")
    table.add_column("without", justify="right", no_wrap=True)
    table.add_column("cascade", ratio=2, overflow="fold")
    table.add_column(f"{setting.patience_s / 60:g} min after", overflow="fold")
    table.add_column("known", overflow="fold")
    for one in modes.values():
        state = "" if one.minimal else " (not shrunk to the end)" if one.is_confirmed else " (one seed)"
        more = "".join(f"; also {other}" for other in one.others)
        usual = format_value(one.usual.mean, "share")
        table.add_row(
            f"{one.trigger.cost:.2g}", escape(f"{one.trigger}{state}{more}"), shares(one.bad), usual,
            escape(" → ".join(one.path)) or "none", _OVER[one.outlives], one.known or "new",
            style=None if one.is_confirmed else "dim",
        )  # fmt: skip
    return table


def modes_data(modes: Mapping[str, Mode], setting: Setting) -> list[dict[str, Any]]:
    """Modes as JSON holds them: what is not known is null."""
    return [
        {
            "scenario": name, "cost": one.trigger.cost, "trigger": str(one.trigger),
            "events": one.trigger.events(setting.at), "sources": one.trigger.sources(setting.at),
            "seeds": list(setting.seeds[: len(one.harms)]), "harms": [_known(asdict(harm)) for harm in one.harms],
            "minimal": one.minimal, "confirmed": one.is_confirmed, "path": list(one.path), "cause": one.cause or None,
            "outlives": one.outlives, "known": one.known, "others": _said(one.others),
        }
        for name, one in modes.items()
    ]  # fmt: skip


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _said(triggers: Sequence[object]) -> list[str]:
    return list(map(str, triggers))
