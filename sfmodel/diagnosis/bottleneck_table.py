"""Bottlenecks as a table for a terminal, and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfmodel.diagnosis.bottlenecks import Counterfactual
from sfmodel.diagnosis.candidates import Candidate
from sfmodel.diagnosis.troubles import Trouble
from sfmodel.results.comparison_table import signed_interval
from sfmodel.results.intervals import Interval
from sfmodel.results.summary import format_value
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table

UNITS = {"failing": "share", "p95": "s"}
"""Figures in the order of the columns, with their units."""


def bottlenecks_table(found: Sequence[Counterfactual], title: str = "") -> Table:
    """Lay out resources in the order of what more of them changes, each beside its rank by how busy it is."""
    from rich.markup import escape

    resources = list(dict.fromkeys(one.candidate.name for one in found))
    busiest = sorted(resources, key=lambda name: -_busy(found, name))
    table = plain_table(title)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("resource", overflow="fold")
    table.add_column("busy", justify="right", no_wrap=True)
    table.add_column("rank by\nbusy", justify="right", no_wrap=True)
    table.add_column("failures\nfrom it", justify="right", no_wrap=True)
    table.add_column("more of it", justify="right", no_wrap=True)
    table.add_column("failing", justify="right", no_wrap=True)
    table.add_column("p95", justify="right", no_wrap=True)
    for rank, name in enumerate(resources):
        own = [one for one in found if one.candidate.name == name]
        trouble = own[0].candidate.trouble
        about = (
            f"{rank + 1}.", escape(name), format_value(trouble.busy, "share"), f"{busiest.index(name) + 1}.",
            format_value(trouble.failure_share, "share"),
        )  # fmt: skip
        for k, one in enumerate(own):
            effects = [_said(one.effects[figure], unit) for figure, unit in UNITS.items()]
            more = f"{100 * (one.factor - 1):+.3g} %"
            table.add_row(*(about if k == 0 else [""] * len(about)), more, *effects, end_section=one is own[-1])
    return table


def bottlenecks_data(found: Sequence[Counterfactual]) -> list[dict[str, Any]]:
    """Counterfactuals as JSON holds them: what is not known is null."""
    return [
        {
            "resource": one.candidate.name, "key": one.candidate.key, "factor": one.factor,
            "busy": _known(one.candidate.trouble.busy), "failure_share": _known(one.candidate.trouble.failure_share),
            **{
                figure: {"mean": effect.mean, "half": _known(effect.half)} for figure, effect in one.effects.items()
            },
        }
        for one in found
    ]  # fmt: skip


def bottlenecks_of(written: Sequence[Mapping[str, Any]]) -> list[Counterfactual]:
    """What `bottlenecks_data` wrote: of each resource what it holds, and nothing else of its trouble."""
    return [
        Counterfactual(
            Candidate(
                Trouble(one["resource"], 0, _value(one["failure_share"]), math.nan, _value(one["busy"]), math.nan, math.nan),
                one["key"], None,
            ),
            one["factor"],
            {figure: Interval(one[figure]["mean"], _value(one[figure]["half"]), 0) for figure in UNITS},
        )
        for one in written
    ]  # fmt: skip


def _value(known: float | None) -> float:
    return math.nan if known is None else known


def _said(effect: Interval, unit: str) -> str:
    """An effect; in parentheses where it may be chance."""
    text = signed_interval(effect, unit)
    return text if abs(effect.mean) > effect.half else f"({text})"  # also where nothing is known of chance


def _busy(found: Sequence[Counterfactual], name: str) -> float:
    busy = next(one.candidate.trouble.busy for one in found if one.candidate.name == name)
    return -1.0 if math.isnan(busy) else busy


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
