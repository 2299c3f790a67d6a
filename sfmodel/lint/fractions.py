"""Servers in fractions where none of them is burnt by waiting: the fraction serves nobody, yet counts as there."""

from __future__ import annotations

import math

from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.scenario_segments import segments


def check(subject: Subject) -> Section:
    """Name the stations without a `waiting_cost` whose number of servers is not whole."""
    lines = {}
    for _, run in segments(subject.run):
        for service, found in run.platform.services.items():
            for name, station in found.stations.items():
                if station.servers == "unlimited" or station.waiting_cost or station.servers == int(station.servers):
                    continue
                whole = math.floor(station.servers)
                lines[
                    f"platform.services.{service}.stations.{name}.servers: {station.servers:g} serve {whole} at a time"
                ] = f"can be busy for {100 * whole / station.servers:.0f} % at most; say {whole} or {whole + 1}"
    return Section("Fractions of servers", [f"{line}, and {more}" for line, more in lines.items()], nothing="none")
