"""Cascades as a table for a terminal, and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfmodel.clock import clock
from sfmodel.diagnosis.ablation import Ablation, cut_key
from sfmodel.diagnosis.cascades import Cascade
from sfmodel.diagnosis.edges import How
from sfmodel.results.summary import format_value
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table

HOW: Mapping[How, str] = {
    "fails": "fails, and fails it",
    "waits": "keeps it waiting",
    "misses": "misses, and so calls it",
    "retries": "calls it again",
    "traffic": "calls it more",
}
"""What the source of an edge does to its target."""


def cascades_table(found: Sequence[Cascade], title: str = "", ablations: Sequence[Ablation] = ()) -> Table:
    """Lay out cascades: a line for each, and under it its edges; of those that were cut, what was left."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("from", no_wrap=True)
    table.add_column("to", no_wrap=True)
    table.add_column("worst", no_wrap=True)
    table.add_column("cascade", overflow="fold")
    table.add_column("comes from", overflow="fold")
    table.add_column("share", justify="right", no_wrap=True)
    left = {one.key: one for one in ablations}
    if left:
        table.add_column("when it is cut", overflow="fold")
    for k, one in enumerate(found):
        table.add_row(
            clock(one.begins_s), "goes on" if one.lasts else clock(one.ends_s), clock(one.peak_s),
            escape(" → ".join(one.path)), escape(one.cause), format_value(one.share, "share"),
        )  # fmt: skip
        for edge in one.edges:
            way, share = escape(f"  {edge.source} → {edge.target}"), format_value(edge.share, "share")
            last = edge is one.edges[-1] and k < len(found) - 1
            cut = left.get(cut_key(one, edge))
            table.add_row(
                clock(edge.begins_s, seconds=True), "", "", way, HOW[edge.how], share, *([_said(cut)] if cut else []),
                style="dim", end_section=last,
            )  # fmt: skip
    return table


def _said(one: Ablation) -> str:
    if one.verdict == "cannot be cut":
        return one.verdict
    return f"{one.verdict}: {format_value(one.left, 'share')} left at {one.symptom}"


_OF_A_CUT = ("cascade_begins_s", "cascade_cause", "source", "target", "how")
"""What tells one cut from others, as `Ablation.key` does."""


def ablations_data(found: Sequence[Ablation]) -> list[dict[str, Any]]:
    """Edges that were cut as JSON holds them: what is not known is null."""
    return [
        {
            "source": one.edge.source, "target": one.edge.target, "how": one.edge.how, "cascade_begins_s": one.cascade.begins_s,
            "cascade_cause": one.cascade.cause, "symptom": one.symptom, "verdict": one.verdict,
            "left": None if math.isnan(one.left) else one.left,
        }
        for one in found
    ]  # fmt: skip


def ablations_of(written: Sequence[Mapping[str, Any]], found: Sequence[Cascade]) -> list[Ablation]:
    """What `ablations_data` wrote of a run, beside its cascades as they are found now; edges that are no more are left out."""
    by_edge = {tuple(one.get(name) for name in _OF_A_CUT): one for one in written}
    every = [
        (by_edge.get(cut_key(cascade, edge)), cascade, edge)
        for cascade in found for edge in cascade.edges
    ]  # fmt: skip
    return [
        Ablation(edge, cascade, one["symptom"], math.nan if one["left"] is None else one["left"])
        for one, cascade, edge in every
        if one is not None
    ]


def cascades_data(found: Sequence[Cascade]) -> list[dict[str, Any]]:
    """Cascades as JSON holds them."""
    return [asdict(one) for one in found]
