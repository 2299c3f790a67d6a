"""What lies outside of what is measured: events of a scenario, interventions switched on too late. The run is then one without
them, and does not say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from sfmodel.clock import clock
from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.run import Run

NAMED = 3
"""Events that are named; of more the number is said."""

Event = tuple[str, float, float]


def check(subject: Subject) -> Section:
    """Name the events, and the timed arrivals of a scenario's sources, that are over before the start or come too late."""
    run = subject.run
    outside = [
        (key, begins_s, ends_s)
        for key, begins_s, ends_s in _events(run)
        if begins_s >= run.until or (begins_s < run.start and ends_s <= run.start)
    ]
    lines = []
    if outside and run.until > run.start:
        names = [f"{key} ({_written(begins_s, ends_s)})" for key, begins_s, ends_s in outside[:NAMED]]
        names += [f"{len(outside) - NAMED} more"] if len(outside) > NAMED else []
        lies, it = ("lies", "it") if len(outside) == 1 else ("lie", "them")
        lines.append(
            f"{' and '.join(names)} {lies} outside of what is measured, {_written(run.start, run.until)}; "
            f"choose start and until around {it}"
        )
    if run.is_switched and run.switch_on is not None and run.switch_on >= run.until > run.start:
        lines.append(
            f"switch_on: {_written(run.switch_on, run.switch_on)} comes after the run's end, "
            f"{_written(run.until, run.until)}, so nothing is switched on in it; choose an earlier time, or a later until"
        )
    return Section("Events outside of the run", lines, nothing="none")


def _events(run: Run) -> Iterator[Event]:
    """Key, begin and end (s since midnight) of what a scenario does."""
    for number, event in enumerate(run.scenario.events):
        yield f"scenario.events.{number}", event.at, event.at + (math.inf if event.for_ is None else event.for_)
    if not (run.scenario.title or run.scenario.events):
        return
    for name, source in run.platform.sources.items():
        for number, at_s in enumerate(source.at):
            yield f"platform.sources.{name}.at.{number}", at_s, at_s
        for number, spike in enumerate(source.spikes):
            yield f"platform.sources.{name}.spikes.{number}", spike.at, spike.at + spike.for_


def _written(begins_s: float, ends_s: float) -> str:
    seconds = any(time_s % 60 for time_s in (begins_s, ends_s) if math.isfinite(time_s))
    begins = clock(begins_s, seconds)
    if math.isinf(ends_s):
        return f"from {begins} on"
    return begins if ends_s == begins_s else f"{begins} to {clock(ends_s, seconds)}"
