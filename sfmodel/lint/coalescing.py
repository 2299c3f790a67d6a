"""Coalesced misses that would wait for themselves.

Whoever misses a coalescing cache first leads its key until it stores it, ends, or invalidates it. If meanwhile it waits
for a task that looks the same key up in the same cache, that task waits for the leader: neither goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.call_graph import waited_calls
from sfmodel.schema.platform import Platform
from sfmodel.schema.steps import Call, Choose, Fail, Fork, Hold, Invalidate, Lookup, Return, StepBase, Store
from sfmodel.schema.walk import Parts, blocks_of, cache_named, endpoint_named, endpoint_parts, endpoints_of

Placed = tuple[Parts, StepBase]


def check(subject: Subject) -> Section:
    """Name each step with which the leader of a miss waits for a further lookup of its key."""
    lines: list[str] = []
    for service, name, endpoint in endpoints_of(subject.platform):
        inside = (*endpoint_parts(service, name), "steps")
        for parts, lookup, follow in _coalesced(subject.platform, service, endpoint.steps, inside, []):
            script = _Script(subject.platform, service, _full(service, lookup.lookup))
            for waits, again in script.waits_of_leader(follow):
                lines.append(
                    f"{subject.key(waits)}: after a miss of {script.cache} ({subject.key(parts)}) this waits for a lookup "
                    f"of the same key ({subject.key(again)}), which waits for whoever missed: for ever, unless a timeout "
                    "ends it; store first, or leave coalesce out"
                )
    return Section("Coalesced misses that wait for themselves", lines, nothing="none", faults=lines)


def _full(service: str, cache: str) -> str:
    return cache if "." in cache else f"{service}.{cache}"


def _coalesced(
    platform: Platform, service: str, steps: Sequence[StepBase], parts: Parts, behind: list[Placed]
) -> Iterator[tuple[Parts, Lookup, list[Placed]]]:
    """Yield each lookup of a coalescing cache, its path, and the steps that follow its miss in the same task."""
    for index, step in enumerate(steps):
        here = (*parts, str(index))
        after = [((*parts, str(k)), steps[k]) for k in range(index + 1, len(steps))] + behind
        if isinstance(step, Lookup):
            cache = cache_named(platform, service, step.lookup)
            if cache is not None and cache.coalesce:
                missed = [((*here, "on_miss", str(k)), inner) for k, inner in enumerate(step.on_miss)]
                yield here, step, missed + after
        for sub, inner_steps in blocks_of(step):
            branch = isinstance(step, Fork) and sub[0] == "fork"
            yield from _coalesced(platform, service, inner_steps, (*here, *sub), [] if branch else after)


class _Script:
    """What the leader of a miss of one cache does, in a script of one service."""

    def __init__(self, platform: Platform, service: str, cache: str) -> None:
        self.platform, self.service, self.cache = platform, service, cache
        self.behind_calls: dict[str, Parts | None] = {}

    def waits_of_leader(self, steps: Sequence[Placed]) -> Iterator[tuple[Parts, Parts]]:
        """Yield (path of a step that waits, path of the lookup it waits for) until the leader has stored, or ended."""
        for parts, step in steps:
            for waited in waited_calls(self.platform, self.service, step):
                again = self._lookup_behind(waited.target)
                if again is not None:
                    yield parts, again
            if isinstance(step, Fork):
                for index, branch in enumerate(step.fork):
                    again = self._lookup_in(self.service, branch, (*parts, "fork", str(index)))
                    if again is not None:
                        yield parts, again
            else:
                for sub, inner in blocks_of(step):
                    below = [((*parts, *sub, str(k)), one) for k, one in enumerate(inner)]
                    yield from self.waits_of_leader(below)
            if self._leads_no_more(step):
                return

    def _leads_no_more(self, step: StepBase) -> bool:
        """Whether no leader goes on behind this step; failures and their handlers are left out."""
        if step.with_probability < 1 or step.unless_zombie:  # a leader may skip it, and go on leading
            return False
        if isinstance(step, Return | Fail):
            return True
        if isinstance(step, Store):
            return _full(self.service, step.store) == self.cache
        if isinstance(step, Invalidate):
            return step.scope == "key" and _full(self.service, step.invalidate) == self.cache
        if isinstance(step, Hold):
            return self._any_ends(step.do)
        if isinstance(step, Call):
            return self._any_ends(step.on_ok or [])
        if isinstance(step, Choose):
            return all(self._any_ends(branch.do) for branch in step.choose)
        if isinstance(step, Lookup):
            stale = step.on_hit if step.on_stale is None else step.on_stale
            return all(self._any_ends(block) for block in (step.on_hit, step.on_miss, stale))
        return False

    def _any_ends(self, steps: Sequence[StepBase]) -> bool:
        return any(self._leads_no_more(step) for step in steps)

    def _lookup_behind(self, target: str) -> Parts | None:
        """Path of a lookup of the cache that an endpoint makes or waits for."""
        if target not in self.behind_calls:
            self.behind_calls[target] = None
            service, _, name = target.partition(".")
            endpoint = endpoint_named(self.platform, target)
            if endpoint is not None:
                inside = (*endpoint_parts(service, name), "steps")
                self.behind_calls[target] = self._lookup_in(service, endpoint.steps, inside)
        return self.behind_calls[target]

    def _lookup_in(self, service: str, steps: Sequence[StepBase], parts: Parts) -> Parts | None:
        for index, step in enumerate(steps):
            here = (*parts, str(index))
            if isinstance(step, Lookup) and _full(service, step.lookup) == self.cache:
                return here
            for waited in waited_calls(self.platform, service, step):
                found = self._lookup_behind(waited.target)
                if found is not None:
                    return found
            for sub, inner in blocks_of(step):
                found = self._lookup_in(service, inner, (*here, *sub))
                if found is not None:
                    return found
        return None
