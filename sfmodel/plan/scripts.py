"""Endpoints as programs: each step becomes an operation with explicit successors.

Steps are compiled from the last to the first, so that each knows what follows it. Operation 0 is an
empty `return`. An operation knows the innermost `hold` around it: what a task holds follows from where it is.
Programs of a platform that has changed come behind those of the one before, which requests under way go on with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sfkernels import names
from sfkernels.records import CHOICE, OP, SLOWDOWN
from sfmodel.plan.durations import Durations
from sfmodel.plan.index import Index
from sfmodel.plan.salts import salt
from sfmodel.schema import steps as verbs
from sfmodel.schema.caches import Cache
from sfmodel.schema.services import Endpoint

NO_HOLD = -1


@dataclass
class SitePlan:
    """One call site: where it stands, whom it calls, with which options."""

    label: str
    target: str
    salt: np.uint64
    call: verbs.Call | None = None
    cache: int = -1
    timeout: float | None = None
    network: float | None = None
    priority: int | None = None


@dataclass
class Scripts:
    """Collects the programs of all endpoints."""

    index: Index
    durations: Durations
    ops: list[dict[str, object]] = field(default_factory=list)
    handlers: list[list[int]] = field(default_factory=lambda: [[-1] * len(names.OUTCOMES)])
    choices: list[tuple[float, int]] = field(default_factory=list)
    branches: list[int] = field(default_factory=list)
    slowdowns: list[tuple[int, int, float, float, float]] = field(default_factory=list)
    sites: list[SitePlan] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Operation 0: return."""
        if not self.ops:
            self._emit(code=names.OP_RETURN, hold=NO_HOLD)
        self._service = ""
        self._endpoint = ""
        self._labels: dict[str, int] = {}
        self._numbers = {site.label: number for number, site in enumerate(self.sites)}
        self._names: dict[tuple[str, ...], int] = {}
        self._site_of: dict[tuple[int, str], int] = {}
        self._salt_of: dict[int, np.uint64] = {}

    def followed_by(self, index: Index) -> Scripts:
        """These programs, with room behind them for those of the platform as it is then."""
        lists = ("ops", "handlers", "choices", "branches", "slowdowns", "sites")
        return Scripts(index, self.durations.copy(), **{name: list(getattr(self, name)) for name in lists})

    def compile(self, service: str, name: str, endpoint: Endpoint) -> int:
        """Compile one endpoint; returns the place of its first operation."""
        self._service, self._endpoint = service, f"{service}.{name}"
        self._labels, self._names = {}, {}
        self._name_steps(endpoint.steps)
        if endpoint.hold is None:
            end = self._emit(code=names.OP_RETURN, hold=NO_HOLD)
            return self._steps(endpoint.steps, end, NO_HOLD)
        hold = self._emit(
            code=names.OP_HOLD, a=self.index.local_station(service, endpoint.hold), hold=NO_HOLD,
            salt=salt(self._endpoint, "hold", endpoint.hold),
        )  # fmt: skip
        end = self._emit(code=names.OP_RETURN, hold=hold)
        self.ops[hold]["next"] = self._steps(endpoint.steps, end, hold)
        return hold

    # names, in the order in which the script is written; a step with a label is not among those that are numbered

    def _name_steps(self, steps: Sequence[verbs.StepBase]) -> None:
        for step in steps:
            self._name_step(step)
            for block in blocks(step):
                self._name_steps(block)

    def _name_step(self, step: verbs.StepBase) -> None:
        verb = verbs.verb_of(step)
        target = getattr(step, {"pass": "pass_", "return": "return_"}.get(verb, verb))
        text = f"{verb}:{target}" if isinstance(target, str) else verb
        path = (self._endpoint, text) if step.label is None else (self._endpoint, text, step.label)
        number = self._names[path] = self._names.get(path, 0) + 1
        self._salt_of[id(step)] = salt(*path, str(number))
        if isinstance(step, verbs.Call):
            number, site = self._add_site(step.call, self._salt_of[id(step)])
            site.call, site.timeout, site.network, site.priority = step, step.timeout, step.network, step.priority
            self._site_of[id(step), ""] = number
        elif isinstance(step, verbs.Send):
            number, site = self._add_site(f"{step.send} (sent)", self._salt_of[id(step)])
            site.network, site.priority = step.network, step.priority
            self._site_of[id(step), ""] = number
        else:
            self._name_cache_call(step)

    def _name_cache_call(self, step: verbs.StepBase) -> None:
        for kind, verb, option in (
            (verbs.Lookup, "lookup", "read"),
            (verbs.Store, "store", "write"),
            (verbs.Invalidate, "invalidate", "invalidate"),
        ):
            if isinstance(step, kind):
                number, cache = self._cache(getattr(step, verb))
                target = getattr(cache, option)
                if target is not None:
                    place, site = self._add_site(target, salt(str(self._salt_of[id(step)]), option))
                    site.cache, site.timeout = number, cache.timeout
                    self._site_of[id(step), option] = place

    def _add_site(self, target: str, key: np.uint64) -> tuple[int, SitePlan]:
        """Number and plan of a call site; one of its label in the programs before it takes over."""
        label = f"{self._endpoint}>{target}"
        number = self._labels[label] = self._labels.get(label, 0) + 1
        site = SitePlan(label if number == 1 else f"{label}#{number}", target.split(" ")[0], key)
        place = self._numbers.setdefault(site.label, len(self.sites))
        self.sites[place : place + 1] = [site]
        return place, site

    def _cache(self, name: str) -> tuple[int, Cache]:
        return self.index.cache(self._service, name)

    # operations, from the last step to the first

    def _emit(self, **fields: object) -> int:
        self.ops.append({"next": 0, "other": -1, "third": -1, "probability": 1.0, "duration": -1, "slow": 0, **fields})
        return len(self.ops) - 1

    def _steps(self, steps: Sequence[verbs.StepBase], end: int, hold: int) -> int:
        for step in reversed(steps):
            end = self._step(step, end, hold)
        return end

    def _step(self, step: verbs.StepBase, end: int, hold: int) -> int:
        compile_verb = getattr(self, f"_{verbs.verb_of(step)}")
        first: int = compile_verb(step, end, hold)
        if step.with_probability < 1:
            self.ops[first]["probability"] = step.with_probability
            self.ops[first]["skip"] = end
        self.ops[first].setdefault("skip", end)
        return self._emit(code=names.OP_AWAITED, next=first, other=end, hold=hold) if step.unless_zombie else first

    def _handled(self, step: verbs.Failing, end: int, hold: int) -> int:
        """Row of the handler table for this step."""
        row, compiled = [-1] * len(names.OUTCOMES), {}
        for code, outcome in enumerate(names.OUTCOMES):
            block = step.handler(outcome) if code else None
            if block is not None:
                if id(block) not in compiled:
                    compiled[id(block)] = self._steps(block, end, hold)
                row[code] = compiled[id(block)]
        return self._row(row)

    def _row(self, row: list[int]) -> int:
        if max(row) < 0:
            return 0
        self.handlers.append(row)
        return len(self.handlers) - 1

    def _use(self, step: verbs.Use, end: int, hold: int) -> int:
        slow = len(self.slowdowns)
        for s in step.slowed_by:
            if isinstance(s, verbs.SlowedByStation):
                self.slowdowns.append((self.index.local_station(self._service, s.station), -1, s.each, 1.0, 0.0))
            else:
                self.slowdowns.append((-1, self.index.counters.index(s.counter), 0.0, s.reference, s.exponent))
        return self._emit(
            code=names.OP_USE, a=self.index.local_station(self._service, step.use), next=end, hold=hold,
            duration=self.durations.add(step.time, f"{self._endpoint}: use {step.use}"), x=step.per_message,
            slow=slow, slow_count=len(self.slowdowns) - slow, handlers=self._handled(step, end, hold),
            salt=self._salt_of[id(step)],
        )  # fmt: skip

    def _hold(self, step: verbs.Hold, end: int, hold: int) -> int:
        station = self.index.local_station(self._service, step.hold)
        op = self._emit(
            code=names.OP_HOLD, a=station, hold=hold, handlers=self._handled(step, end, hold),
            salt=self._salt_of[id(step)],
        )  # fmt: skip
        release = self._emit(code=names.OP_RELEASE, a=station, next=end, hold=op)
        self.ops[op]["next"] = self._steps(step.do, release, op)
        return op

    def _call(self, step: verbs.Call, end: int, hold: int) -> int:
        return self._emit(
            code=names.OP_CALL, a=self._site_of[id(step), ""], next=self._steps(step.on_ok or [], end, hold), hold=hold,
            handlers=self._handled(step, end, hold), salt=self._salt_of[id(step)],
        )  # fmt: skip

    def _send(self, step: verbs.Send, end: int, hold: int) -> int:
        return self._emit(
            code=names.OP_SEND, a=self._site_of[id(step), ""], next=end, hold=hold, salt=self._salt_of[id(step)]
        )

    def _fork(self, step: verbs.Fork, end: int, hold: int) -> int:
        starts = []
        for branch in step.fork:
            done = self._emit(code=names.OP_RETURN, hold=NO_HOLD)
            starts.append(self._steps(branch, done, NO_HOLD))
        first = len(self.branches)
        self.branches.extend(starts)
        need = {"all": len(starts), "first": 1}.get(str(step.join), step.join)
        return self._emit(
            code=names.OP_FORK, a=first, b=len(starts), x=float(need), third=int(step.cancel), next=end, hold=hold,
            handlers=self._handled(step, end, hold), salt=self._salt_of[id(step)],
        )  # fmt: skip

    def _publish(self, step: verbs.Publish, end: int, hold: int) -> int:
        return self._emit(
            code=names.OP_PUBLISH, a=self.index.queues.index(step.publish), next=end, hold=hold,
            b=-1 if step.priority is None else step.priority, handlers=self._handled(step, end, hold),
            salt=self._salt_of[id(step)],
        )  # fmt: skip

    def _cache_call(self, step: verbs.StepBase, option: str, then: int, failed: int, hold: int) -> int:
        """The call that a cache step makes first, if any; any failure goes on at `failed`."""
        site = self._site_of.get((id(step), option))
        if site is None:
            return then
        return self._emit(
            code=names.OP_CALL, a=site, next=then, hold=hold, salt=self._salt_of[id(step)],
            handlers=self._row([-1] + [failed] * (len(names.OUTCOMES) - 1)),
        )  # fmt: skip

    def _lookup(self, step: verbs.Lookup, end: int, hold: int) -> int:
        cache, _ = self._cache(step.lookup)
        hit = self._steps(step.on_hit, end, hold)
        missed = self._steps(step.on_miss, end, hold)
        stale = hit if step.on_stale is None else self._steps(step.on_stale, end, hold)
        common = {
            "a": cache,
            "next": hit,
            "other": missed,
            "third": stale,
            "hold": hold,
            "salt": self._salt_of[id(step)],
        }
        look = self._emit(code=names.OP_LOOKUP, **common)
        failed = self._emit(code=names.OP_MISS, **common)
        return self._cache_call(step, "read", look, failed, hold)

    def _store(self, step: verbs.Store, end: int, hold: int) -> int:
        cache, _ = self._cache(step.store)
        store = self._emit(code=names.OP_STORE, a=cache, next=end, hold=hold, salt=self._salt_of[id(step)])
        return self._cache_call(step, "write", store, end, hold)

    def _invalidate(self, step: verbs.Invalidate, end: int, hold: int) -> int:
        cache, _ = self._cache(step.invalidate)
        scope = {"key": names.SCOPE_KEY, "similar": names.SCOPE_SIMILAR, "all": names.SCOPE_ALL}[step.scope]
        op = self._emit(
            code=names.OP_INVALIDATE, a=cache, b=scope, third=int(step.soft), x=step.share, y=step.over, next=end,
            hold=hold, salt=self._salt_of[id(step)],
        )  # fmt: skip
        site = self._site_of.get((id(step), "invalidate"))
        if site is None:
            return op
        return self._emit(code=names.OP_BROADCAST, a=site, next=op, hold=hold, salt=self._salt_of[id(step)])

    def _pass(self, step: verbs.Pass, end: int, hold: int) -> int:
        return self._emit(
            code=names.OP_PASS, a=self.index.limiters.index(f"{self._service}.{step.pass_}"), next=end, hold=hold,
            handlers=self._handled(step, end, hold), salt=self._salt_of[id(step)],
        )  # fmt: skip

    def _sleep(self, step: verbs.Sleep, end: int, hold: int) -> int:
        return self._emit(
            code=names.OP_SLEEP, next=end, hold=hold, salt=self._salt_of[id(step)],
            duration=self.durations.add(step.sleep, f"{self._endpoint}: sleep"),
        )  # fmt: skip

    def _choose(self, step: verbs.Choose, end: int, hold: int) -> int:
        starts = [self._steps(branch.do, end, hold) for branch in step.choose]
        first = len(self.choices)
        upto = np.cumsum([branch.probability for branch in step.choose])
        self.choices.extend(zip(upto.tolist(), starts, strict=True))
        return self._emit(
            code=names.OP_CHOOSE, a=first, b=len(starts), next=end, hold=hold, salt=self._salt_of[id(step)]
        )

    def _count(self, step: verbs.CountStep, end: int, hold: int) -> int:
        return self._emit(
            code=names.OP_COUNT, a=self.index.counters.index(step.count), x=step.add, next=end, hold=hold,
            salt=self._salt_of[id(step)],
        )  # fmt: skip

    def _return(self, step: verbs.Return, end: int, hold: int) -> int:
        return self._emit(code=names.OP_RETURN, hold=hold, salt=self._salt_of[id(step)])

    def _fail(self, step: verbs.Fail, end: int, hold: int) -> int:
        code = names.OUTCOMES.index(step.fail or "error")
        return self._emit(code=names.OP_FAIL, a=code, hold=hold, salt=self._salt_of[id(step)])

    # arrays

    def arrays(self) -> dict[str, NDArray]:
        """The programs as arrays: ops, handlers, choices, branches, slowdowns."""
        ops = np.zeros(len(self.ops), OP)
        for place, fields in enumerate(self.ops):
            for name, value in fields.items():
                ops[name][place] = value
        return {
            "ops": ops,
            "handlers": np.array(self.handlers, np.int32),
            "choices": np.array(self.choices or [(1.0, 0)], CHOICE),
            "branches": np.array(self.branches or [0], np.int32),
            "slowdowns": np.array(self.slowdowns or [(-1, -1, 0.0, 1.0, 0.0)], SLOWDOWN),
        }


def blocks(step: verbs.StepBase) -> list[Sequence[verbs.StepBase]]:
    """Lists of steps inside a step, in the order in which they are numbered: its own, then its handlers."""
    inner: list[Sequence[verbs.StepBase]] = []
    if isinstance(step, verbs.Hold):
        inner.append(step.do)
    elif isinstance(step, verbs.Fork):
        inner.extend(step.fork)
    elif isinstance(step, verbs.Choose):
        inner.extend(branch.do for branch in step.choose)
    elif isinstance(step, verbs.Lookup):
        inner.extend([step.on_hit, step.on_miss, step.on_stale or []])
    if isinstance(step, verbs.Call):
        inner.append(step.on_ok or [])
    if isinstance(step, verbs.Failing):
        for outcome in (*names.OUTCOMES[1:-1], "failure"):
            inner.append(getattr(step, f"on_{outcome}", None) or [])
    return inner


__all__ = ["Scripts", "SitePlan", "blocks"]
