"""Failure modes as a table for a terminal, and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfmodel.failure_modes.modes import HeldOut, Mode
from sfmodel.failure_modes.trials import Setting
from sfmodel.failure_modes.words import held_out_in_words, shares
from sfmodel.results.summary import format_value
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table

_OVER = {True: "still broken", False: "over", None: "not known"}


def modes_table(modes: Mapping[str, Mode], setting: Setting, title: str = "") -> Table:
    """Lay out modes, by the names of their scenarios."""
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
        before = f"; {' → '.join(one.before)} was there before" if one.before else ""
        more = "".join(f"; also {other}" for other in one.others)
        usual = format_value(one.usual.mean, "share")
        table.add_row(
            f"{one.trigger.cost:.2g}", escape(f"{one.trigger} ({_state(one)}){more}"), shares(one.bad), usual,
            escape((" → ".join(one.path) or "none") + before), _OVER[one.outlives], one.known or "new",
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
            "held_out": [_held_out(seed) for seed in one.held_out],
            "minimal": one.minimal, "confirmed": one.is_confirmed, "path": list(one.path), "cause": one.cause or None,
            "before": list(one.before), "outlives": one.outlives, "known": one.known, "others": _said(one.others),
        }
        for name, one in modes.items()
    ]  # fmt: skip


def _state(mode: Mode) -> str:
    """How far it is known."""
    if not mode.is_on_all_seeds:
        return "one seed"
    return held_out_in_words(mode) if mode.minimal else "not shrunk to the end"


def _held_out(one: HeldOut) -> dict[str, Any]:
    harm = None if one.harm is None else _known(asdict(one.harm))
    return {"seed": one.seed, "breaks": one.breaks, "harm": harm}


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _said(triggers: Sequence[object]) -> list[str]:
    return list(map(str, triggers))
