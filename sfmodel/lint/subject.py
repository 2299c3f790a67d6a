"""What the checks look at: a run, the assumptions, and the mean path through each script."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from sfmodel.lint.hits import Hits
from sfmodel.lint.paths import Visit, visit_of
from sfmodel.schema.run import Run
from sfmodel.schema.walk import Parts, endpoints_of, key_of


@dataclass
class Section:
    """The findings of one check."""

    title: str
    lines: list[str]
    nothing: str = "nothing found"
    notes: list[str] = field(default_factory=list)
    """Assumptions behind the numbers."""
    faults: list[str] = field(default_factory=list)
    """Findings that no platform can live with, for long: with these the platform does not pass."""

    def text(self) -> str:
        """Return the section as it is printed."""
        body = [f"  {line}" for line in self.lines] or [f"  {self.nothing}"]
        return "\n".join([self.title, *body, *(f"  ({note})" for note in self.notes)])


class Subject:
    """A run under examination."""

    def __init__(self, run: Run, hit: Hits) -> None:
        """Look at `run`, with these hit ratios."""
        self.run = run
        self.platform = run.platform
        self.hit = hit

    def key(self, parts: Parts) -> str:
        """Return a path as the user wrote it."""
        return key_of(self.run, parts)

    @cached_property
    def visits(self) -> dict[str, Visit]:
        """What one execution of each endpoint does on average, by `service.endpoint`."""
        memo: dict[str, Visit] = {}
        for service, name, _ in endpoints_of(self.platform):
            visit_of(self.platform, f"{service}.{name}", self.hit, memo)
        return memo

    @cached_property
    def entries(self) -> list[str]:
        """Endpoints at which users, sources and queues begin, in listed order."""
        names: dict[str, None] = {}
        if self.platform.users is not None:
            for kind in self.platform.users.sessions.types.values():
                names.update({request.call: None for request in kind.mix.values()})
        names.update({source.call: None for source in self.platform.sources.values()})
        for service_name, service in self.platform.services.items():
            names.update({f"{service_name}.{queue.handler}": None for queue in service.queues.values()})
        return list(names)
