"""What the scripts of a platform say of its stations and call sites: what is needed to read traces and meters.

Call sites are numbered as docs/model.md says (section 4): in the order of the script, depth first. A branch of a fork has no
span, so what a trace shows of it are its calls, under the task that forked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sfmodel.errors import ConfigError, NotInRunError
from sfmodel.schema.call_graph import CACHE_CALLS
from sfmodel.schema.load import parse_run
from sfmodel.schema.platform import Platform
from sfmodel.schema.run import Run
from sfmodel.schema.steps import Call, Fork, Invalidate, Lookup, Pass, Send, Sleep, StepBase
from sfmodel.schema.walk import blocks_of, cache_named, endpoints_of

if TYPE_CHECKING:
    import xarray as xr

Branches = tuple[tuple[int, int], ...]
"""(number of a fork in its script, number of its branch), outermost first."""

SENT = " (sent)"


@dataclass(frozen=True)
class CallSite:
    """One call in a script."""

    caller: str
    target: str
    timeout_s: float = math.inf
    """Of each attempt."""
    deadline_s: float = math.inf
    """Of all attempts together."""
    network_s: float = 0.0
    """One way."""
    hedge_s: float = math.inf
    """After which a second attempt goes out beside the first."""
    awaited: bool = True
    """Whether the caller waits for the reply."""
    branches: Branches = ()
    """Branches that it stands in."""


@dataclass
class Script:
    """What one endpoint does."""

    held: str | None = None
    """Station that is held from admission to reply, as service.station."""
    stations: list[str] = field(default_factory=list)
    """Every station that it uses or holds, in the order of the script."""
    used: list[str] = field(default_factory=list)
    """Those that it uses."""
    partly: list[str] = field(default_factory=list)
    """Those that it holds for some of its steps."""
    joins: dict[int, int] = field(default_factory=dict)
    """How many branches must succeed, by the number of the fork; all of them where it is not said."""
    sequential: bool = True
    """Whether its time is that of its stations and its calls, one after the other: nothing else takes time in it."""


@dataclass(frozen=True)
class Scripts:
    """All endpoints and call sites of a platform, by their labels in a dataset."""

    of: Mapping[str, Script]
    sites: Mapping[str, CallSite]
    entered: frozenset[str]
    """Endpoints at which users, sources and queues begin."""
    platform: Platform
    changed: bool = False
    """Whether interventions have changed the scripts during the run: before, they were others."""


def run_of(ds: xr.Dataset) -> Run:
    """The run of a dataset, as it was configured, interventions included.

    Raises
    ------
    NotInRunError
        The dataset does not hold a configuration that this version understands.
    """
    config = ds.attrs.get("config")
    if not isinstance(config, dict):
        raise NotInRunError(
            "this run does not hold its configuration, from which its call sites are known: make it again"
        )
    try:
        return parse_run({**config, "replications": 1})
    except ConfigError as error:
        raise NotInRunError(
            f"the configuration of this run is none of this version, make it again: {str(error).splitlines()[0]}"
        ) from None


def scripts_of(ds: xr.Dataset) -> Scripts:
    """The scripts of the platform that a run has simulated; raises as `run_of` does."""
    run = run_of(ds)
    return read_scripts(run.platform, run.switch_on is not None and bool(run.intervention))


def read_scripts(platform: Platform, changed: bool = False) -> Scripts:
    """Read the scripts of a platform; whether they were others before is only noted."""
    scripts: dict[str, Script] = {}
    sites: dict[str, CallSite] = {}
    for service, name, endpoint in endpoints_of(platform):
        script = Script(f"{service}.{endpoint.hold}" if endpoint.hold else None)
        if endpoint.hold:
            script.stations.append(f"{service}.{endpoint.hold}")
        reader = _Reader(platform, service, f"{service}.{name}", script, sites)
        reader.read(endpoint.steps, ())
        scripts[f"{service}.{name}"] = script
    return Scripts(scripts, sites, frozenset(_entered(platform)), platform, changed)


@dataclass
class _Reader:
    """Reads one script."""

    platform: Platform
    service: str
    endpoint: str
    script: Script
    sites: dict[str, CallSite]
    numbers: Counter[str] = field(default_factory=Counter)
    forks: int = 0

    def read(self, steps: Sequence[Any], branches: Branches) -> None:
        for step in steps:
            self._note(step)
            for target, options in self._calls(step):
                self._add(target, CallSite(self.endpoint, target.removesuffix(SENT), branches=branches, **options))
            if isinstance(step, Fork):
                self._fork(step, branches)
            for parts, block in blocks_of(step):
                if parts[0] != "fork":
                    self.read(block, branches)

    def _fork(self, step: Fork, branches: Branches) -> None:
        number, self.forks = self.forks, self.forks + 1
        self.script.joins[number] = {"all": len(step.fork), "first": 1}.get(str(step.join)) or int(step.join)
        for k, block in enumerate(step.fork):
            self.read(block, (*branches, (number, k)))

    def _add(self, target: str, site: CallSite) -> None:
        self.numbers[target] += 1
        number = f"#{self.numbers[target]}" if self.numbers[target] > 1 else ""
        self.sites[f"{self.endpoint}>{target}{number}"] = site

    def _note(self, step: StepBase) -> None:
        script = self.script
        for station, where in ((getattr(step, "use", None), script.used), (getattr(step, "hold", None), script.partly)):
            if station is not None:
                where.append(f"{self.service}.{station}")
                script.stations += [one for one in where[-1:] if one not in script.stations]
        script.sequential &= not self._takes_time_otherwise(step)

    def _takes_time_otherwise(self, step: StepBase) -> bool:
        """Whether the step takes time that neither a station nor one call at a time accounts for."""
        if isinstance(step, Sleep | Fork):
            return True
        if isinstance(step, Call):
            return step.retries is not None or step.hedge is not None
        if isinstance(step, Pass):
            limiter = self.platform.services[self.service].limiters.get(step.pass_)
            return limiter is None or limiter.when_full == "wait"
        if isinstance(step, Lookup):
            cache = cache_named(self.platform, self.service, step.lookup)
            return cache is None or cache.coalesce
        if isinstance(step, Invalidate):
            cache = cache_named(self.platform, self.service, step.invalidate)
            return cache is None or cache.invalidate is not None
        return False

    def _calls(self, step: StepBase) -> Iterator[tuple[str, dict[str, Any]]]:
        """Target, as in the label, and options of the call that a step makes, if any."""
        default = self.platform.network
        if isinstance(step, Call):
            yield (
                step.call,
                {
                    "timeout_s": _or_never(step.timeout),
                    "deadline_s": _or_never(step.deadline),
                    "network_s": default if step.network is None else step.network,
                    "hedge_s": math.inf if step.hedge is None else step.hedge.after,
                },
            )
        if isinstance(step, Send):
            yield step.send + SENT, {"awaited": False, "network_s": default if step.network is None else step.network}
        for kind, verb, option in CACHE_CALLS:
            if isinstance(step, kind):
                cache = cache_named(self.platform, self.service, getattr(step, verb))
                target = getattr(cache, option) if cache else None
                if cache is not None and target is not None:
                    yield target, {"timeout_s": _or_never(cache.timeout), "network_s": default}


def _or_never(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def _entered(platform: Platform) -> Iterator[str]:
    if platform.users is not None:
        for kind in platform.users.sessions.types.values():
            yield from (request.call for request in kind.mix.values())
    yield from (source.call for source in platform.sources.values())
    for name, service in platform.services.items():
        yield from (f"{name}.{queue.handler}" for queue in service.queues.values())
