"""Stations whose servers wait for each other: cycles that only a timeout ends."""

from __future__ import annotations

from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.call_graph import StationName, first_cycle, waitings
from sfmodel.schema.walk import Parts


def check(subject: Subject) -> Section:
    """Name each 'kept while queueing for', and a cycle among them.

    Cycles without any timeout were refused before; those with one do not hang, but under load servers wait for each
    other until the timeout.
    """
    graph: dict[StationName, dict[StationName, Parts]] = {}
    for waiting in waitings(subject.platform):
        graph.setdefault(waiting.held, {}).setdefault(waiting.wanted, waiting.parts)
    cycle = first_cycle(graph)
    lines = []
    if cycle:
        way = " → ".join(".".join(station) for station in [cycle[0][0], *(target for _, target, _ in cycle)])
        lines.append(f"{way}: under load these wait for each other until a timeout")
        lines += [f"  {subject.key(parts)}" for _, _, parts in cycle]
    return Section("Cycles of holds", lines, nothing="none", faults=[line.strip() for line in lines[:1]])
