"""Where time goes as tables for a terminal, and as data: stations, services, operational laws, critical paths, held workers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sfmodel.clock import clock
from sfmodel.diagnosis.critical_path import CriticalPath, Part
from sfmodel.diagnosis.held_time import HeldFor, HeldTime
from sfmodel.diagnosis.laws import LawCheck
from sfmodel.diagnosis.shares import NS, Shares
from sfmodel.diagnosis.use_red import ServiceRed, StationUse
from sfmodel.results.summary import format_interval, format_value
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table

BUSY = 0.5
"""Stations that are less busy, and at which nobody ever waits, are not in the table,"""
FEWEST = 3
"""but for so many, the busiest."""
LEAST = 0.01
"""Parts that take less of the time are put together."""
CERTAIN = 1e-5
"""Intervals and differences below it are not worth saying."""
MOST_ENDPOINTS = 5
"""Endpoints in the table, those with most time in all, unless one was asked for."""
_KINDS = {
    "work": "in service",
    "queue": "queueing for",
    "network": "network to",
    "backoff": "backing off before",
    "other": "otherwise",
}
_DOING = {
    "work": "in service",
    "queue": "queueing for",
    "call": "waiting for",
    "backoff": "backing off before",
    "other": "otherwise",
}


def stations_table(found: Sequence[StationUse], title: str = "") -> Table:
    """Lay out utilisation, saturation and errors of the stations that are busy, or that somebody waited at."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("station", overflow="fold")
    for head in ("busy", "busiest", "waiting", "saturated", "refused", "gave up", "worst window"):
        table.add_column(head, justify="right", no_wrap=True)
    for k, one in enumerate(sorted(found, key=lambda one: -_known(one.utilisation))):
        if k < FEWEST or _known(one.utilisation) >= BUSY or one.saturated:
            shares = [format_value(value, "share") for value in (one.utilisation, one.highest_utilisation)]
            table.add_row(
                escape(one.station), *shares, format_value(one.waiting, "1"), format_value(one.saturated, "share"),
                f"{one.refused:,}", f"{one.gave_up:,}", _at(one.worst_s),
            )  # fmt: skip
    return table


def services_table(found: Sequence[ServiceRed], title: str = "") -> Table:
    """Lay out rate, errors and duration of each service."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("service", overflow="fold")
    for head in ("rate", "failing", "timed out", "mean", "p95", "worst window"):
        table.add_column(head, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            escape(one.service), format_value(one.rate, "1/s"), format_value(one.failing, "share"), f"{one.timed_out:,}",
            format_value(one.mean_s, "s"), format_value(one.p95_s, "s"), _at(one.worst_s),
        )  # fmt: skip
    return table


def laws_sentence(found: Sequence[LawCheck]) -> str:
    """Say whether the operational laws hold."""
    if not found:
        return "Operational laws: the run has no window in which to check them."
    broken = sorted((one for one in found if not one.holds), key=lambda one: -one.difference.worst)
    if broken:
        more = f", and in {len(broken) - 3:,} more places" if len(broken) > 3 else ""
        return f"Operational laws are violated: {'; '.join(map(_violation, broken[:3]))}{more}."
    said = f"Operational laws hold in all {len(found):,} places: tasks across the edges of windows explain every difference"
    unending = max(found, key=lambda one: one.difference.never_ended)
    if unending.difference.never_ended:
        said += f"; at {unending.of} this takes {unending.difference.never_ended:,} or more tasks that never end"
    return f"{said}."


def laws_table(found: Sequence[LawCheck], title: str = "") -> Table:
    """Lay out each law: where its two sides differ most over the run, and what straddling tasks, or chance, explain there."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("law", no_wrap=True)
    table.add_column("places", justify="right", no_wrap=True)
    for head in ("over the run", "explained", "beyond, in a window"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("where", overflow="fold")
    for law in dict.fromkeys(one.law for one in found):
        own = [one for one in found if one.law == law]
        most = max(own, key=lambda one: (one.difference.worst, one.difference.whole))
        values = (most.difference.whole, most.difference.explained, most.difference.worst)
        shares = [
            format_value(value if value >= CERTAIN or most.difference.worst else 0.0, "share") for value in values
        ]
        where = escape(most.of) if max(values[0], values[2]) >= CERTAIN else ""
        table.add_row(escape(law), f"{len(own):,}", *shares, where, style="" if most.holds else "red")
    return table


def paths_table(found: Sequence[CriticalPath], title: str = "", endpoint: str | None = None) -> Table:
    """Lay out what the time of requests is made of, by endpoint; of one that is named, all of it."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("endpoint", overflow="fold")
    table.add_column("time goes to", overflow="fold")
    for head in ("mean", "share", "slowest 5 %", "share"):
        table.add_column(head, justify="right", no_wrap=True)
    shown = [one for one in found if one.endpoint == endpoint] if endpoint else found[:MOST_ENDPOINTS]
    for one in shown:
        whole = (format_value(one.every.mean_s, "s"), "", format_value(one.slowest.mean_s, "s"), "")
        table.add_row(escape(one.endpoint), f"{one.every.count:,} requests, {one.slowest.count:,} slowest", *whole)
        parts = sorted({*one.every.parts_ns, *one.slowest.parts_ns}, key=lambda part: -one.every.parts_ns.get(part, 0))
        least = 0.0 if endpoint else LEAST
        large = [part for part in parts if max(one.every.share(part), one.slowest.share(part)) >= max(least, 5e-5)]
        for part in large:
            table.add_row(
                "",
                escape(written(part)),
                format_value(one.every.mean_of_s(part), "s"),
                with_interval(one.every, part),
                *_cells(one.slowest, [part]),
                style="dim",
            )
        rest = [part for part in parts if part not in large]
        if (
            max(sum(shares.share(part) for part in rest) for shares in (one.every, one.slowest)) >= CERTAIN
            and not endpoint
        ):
            table.add_row("", "all else", *_cells(one.every, rest), *_cells(one.slowest, rest), style="dim")
        table.add_section()
    return table


def held_table(found: Sequence[HeldTime], title: str = "") -> Table:
    """Lay out what the holders of each station do meanwhile."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("station", overflow="fold")
    table.add_column("while they hold it, tasks are", overflow="fold")
    for head in ("share", "servers"):
        table.add_column(head, justify="right", no_wrap=True)
    for one in found:
        note = f"({one.shares.count:,} traced)" if one.shares.total_ns else "not known: none was traced"
        if one.partly:
            note += "; not known of scripts that hold it for some steps only"
        table.add_row(escape(one.station), note, "", format_value(one.mean_held, "1"))
        for part in one.shares.parts_ns:
            share = one.shares.share(part)
            if share >= LEAST:
                cells = with_interval(one.shares, part), format_value(share * one.mean_held, "1")
                table.add_row("", escape(written(part)), *cells, style="dim")
        table.add_section()
    return table


def with_interval(one: Shares[Any], part: Part | HeldFor) -> str:
    """The share of a part, with half of its interval where that is known."""
    share, half = one.share(part), one.halves[part]
    known = half >= CERTAIN
    return format_interval(share, half, "share") if known else format_value(share, "share")


def written(part: Part | HeldFor) -> str:
    """Say in words what a part of the time is."""
    if isinstance(part, HeldFor):
        return f"{_DOING[part.doing]} {part.of}".strip()
    if part.kind == "network":
        return f"network to {part.service}"
    return f"{part.service}: {_KINDS[part.kind]} {part.of}".strip()


def stations_data(found: Sequence[StationUse]) -> list[dict[str, Any]]:
    """Stations as JSON holds them, with a list for each series."""
    return [_data(one) for one in found]


def services_data(found: Sequence[ServiceRed]) -> list[dict[str, Any]]:
    """Services as JSON holds them, with a list for each series."""
    return [_data(one) for one in found]


def laws_data(found: Sequence[LawCheck]) -> list[dict[str, Any]]:
    """Laws as JSON holds them."""
    return [{"law": one.law, "of": one.of, "holds": one.holds, **_data(one.difference)} for one in found]


def paths_data(found: Sequence[CriticalPath]) -> list[dict[str, Any]]:
    """Critical paths as JSON holds them."""
    return [
        {"endpoint": one.endpoint, "every": _shares(one.every), "slowest": _shares(one.slowest)} for one in found
    ]  # fmt: skip


def held_data(found: Sequence[HeldTime]) -> list[dict[str, Any]]:
    """Held stations as JSON holds them."""
    return [
        {
            "station": one.station, "held_s": _plain(one.held_s), "mean_held": _plain(one.mean_held), "partly": one.partly,
            "shares": _shares(one.shares),
        }
        for one in found
    ]  # fmt: skip


def _shares(one: Shares[Any]) -> dict[str, Any]:
    parts = [
        {
            **part._asdict(), "mean_s": one.mean_of_s(part), "share": _plain(one.share(part)), "half": _plain(one.halves[part]),
        }
        for part in one.parts_ns
    ]  # fmt: skip
    return {"count": one.count, "mean_s": _plain(one.mean_s), "parts": parts}


def _cells(one: Shares[Part], parts: Iterable[Part]) -> tuple[str, str]:
    time_ns = sum(one.parts_ns.get(part, 0) for part in parts)
    return format_value(time_ns / one.count / NS, "s"), format_value(time_ns / one.total_ns, "share")


def _violation(one: LawCheck) -> str:
    return f"{one.law} at {one.of} by {format_value(one.difference.worst, 'share')}"


def _at(time_s: float) -> str:
    return "–" if math.isnan(time_s) else clock(time_s, seconds=True)


def _known(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def _data(one: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in vars(one).items()}


def _plain(value: Any) -> Any:
    """A value as JSON holds it: what cannot be is null."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list):
        return [_plain(found) for found in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
