"""What the time of each traced task is made of: its own time, backoffs, and calls that it waited for, one after the other.

A span says when a task began and ended, and how long it queued and was served in all; who waited for whom follows from its
calls, walked backwards from its end, as CRISP does (Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice
Architectures", USENIX ATC 2022; the idea is of Yang and Miller, ICDCS 1988): before each moment it waited for the call that
ended last by then. So of calls side by side only the one that ended last counts, or of a fork that needs fewer the one that
decided it. What is sent is not waited for. A caller that gave up waited until its timeout, as the configuration has it; at
most until its next call, or its end. Between two attempts of a call it backed off.

Times are whole nanoseconds, so that parts add up to the whole to the last one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.scripts import SENT, CallSite, Scripts
from sfmodel.diagnosis.shares import NS
from sfmodel.results.traces import answered_after_s

if TYPE_CHECKING:
    import polars as pl

SLACK_NS = 2
"""Moments that are one, rounded twice, are so far apart at most."""
_GIVEN_UP = ("expired", "cancelled", "unavailable")
"""Outcomes with which a task may end while it waits for a call."""


@dataclass(frozen=True)
class Stretch:
    """A call on a task's timeline."""

    call: int
    """Number of the span."""
    begins: int
    ends: int
    """When the caller no longer waited for it, ns since the request."""


@dataclass(frozen=True)
class Timeline:
    """What a task did from its arrival on, ns; these add up to the time looked at."""

    own: int
    """Queueing, in service, and whatever else is no call."""
    backoff: dict[int, int]
    """Between attempts, by the span that the backoff came before."""
    calls: Sequence[Stretch]
    """Calls that it waited for, the last first; no two at a time."""


class Traces:
    """Traced requests as arrays, one element a span, those of a request next to each other; times are ns since it began.

    Parameters
    ----------
    spans
        The spans, with the columns of traces.jsonl.
    scripts
        Those of the platform.
    """

    def __init__(self, spans: pl.DataFrame, scripts: Scripts) -> None:
        """Lay out the spans; a request without its first span is left out."""
        import polars as pl

        begun = spans.filter(pl.col("parent").is_null()).select("trace", pl.col("start_s").alias("begun_s"))
        found = spans.join(begun, on="trace").sort("trace", "start_s", "span")
        self.begun_s: NDArray[np.float64] = found["begun_s"].to_numpy()
        self.endpoint = (found["service"] + "." + found["endpoint"]).to_list()
        self.service = found["service"].to_list()
        self.outcome: list[str] = found["outcome"].to_list()
        self.label: list[str | None] = found["call"].to_list()
        self.zombie: list[bool] = found["zombie"].to_list()
        self.attempt: list[int] = found["attempt"].to_list()
        columns = {name: found[name].to_numpy() for name in ("start_s", "arrived_s", "ended_s", "queued_s", "served_s")}
        start_s, arrived_s = (
            columns["start_s"],
            np.where(np.isnan(columns["arrived_s"]), columns["ended_s"], columns["arrived_s"]),
        )
        replied_s = columns["start_s"] + answered_after_s({**columns, "arrived_s": arrived_s})
        self.start, self.arrived, self.ended, self.replied = (
            _ns(moment - self.begun_s) for moment in (start_s, arrived_s, columns["ended_s"], replied_s)
        )
        self.queued, self.served = _ns(columns["queued_s"]), _ns(columns["served_s"])
        self.site = [_site(label, scripts) for label in self.label]
        self.scripts = scripts
        places = {name: k for k, name in enumerate(found["span"].to_list())}
        self.parent = [places.get(name, -1) if name is not None else -1 for name in found["parent"].to_list()]
        self.awaited: list[list[int]] = [[] for _ in self.parent]
        for k, parent in enumerate(self.parent):
            if parent >= 0 and self.site[k].awaited:
                self.awaited[parent].append(k)
        self.roots = [k for k, name in enumerate(found["parent"].to_list()) if name is None]

    def timeline(self, k: int, until: int | None = None) -> Timeline:
        """What span k did from its arrival on.

        Parameters
        ----------
        k
            Number of the span.
        until
            Look no further, ns since the request; none: to its end.
        """
        first, ended = self.arrived[k], self.ended[k]
        cursor = ended if until is None else min(until, ended)
        if not self.awaited[k]:
            return Timeline(cursor - first, {}, ())
        cut = cursor < ended or self.outcome[k] in _GIVEN_UP
        ends = {c: self.waited_until(c) for c in self._deciding(k, cursor)}
        own, last = 0, -1
        backoff: dict[int, int] = {}
        calls: list[Stretch] = []
        taken: dict[int, int] = {}
        while True:
            c = self._latest(ends, cursor, last, taken, cut)
            end = first if c < 0 else min(ends[c], cursor)
            if c >= 0 and last >= 0 and self._is_retry(last, c):
                backoff[last] = cursor - end
            else:
                own += cursor - end
            if c < 0:
                return Timeline(own, backoff, calls)
            begins = max(self.start[c], first)
            calls.append(Stretch(c, begins, end))
            taken.update(self.site[c].branches)
            cursor, last, cut = begins, c, False

    def waited_until(self, c: int) -> int:
        """When the caller no longer waited for a call, ns since the request: its reply came, a hedge's did, or it gave up."""
        siblings, site = self.awaited[self.parent[c]], self.site[c]
        if not self.zombie[c] and site.hedge_s == math.inf:
            return self.replied[c]
        beside = [s for s in siblings if self._is_beside(s, c)]
        until = self.ended[c] if self.outcome[c] == "cancelled" else self.replied[c]
        if site.hedge_s < math.inf:
            until = min([until, *(self.replied[s] for s in beside if self.outcome[s] == "ok" and not self.zombie[s])])
        if self.zombie[c]:
            until = int(min(until, self.ended[self.parent[c]], self._gave_up(c, siblings, beside)))
        return max(until, self.start[c])

    def _gave_up(self, c: int, siblings: Sequence[int], beside: Sequence[int]) -> int | float:
        """When the caller gave up on a call at the latest: its timeout, its deadline, or what it called then; ∞: not known."""
        site = self.site[c]
        timeout = min(self.start[s] for s in beside) + site.timeout_s * NS
        deadline = min(self.start[s] for s in siblings if self.label[s] == self.label[c]) + site.deadline_s * NS
        later = [self.start[s] for s in siblings if s not in beside and _in_line(self.site[s], site)]
        first = min((start for start in later if start > self.start[c]), default=math.inf)
        return min(_whole(timeout), _whole(deadline), first)

    def _latest(self, ends: dict[int, int], cursor: int, last: int, taken: dict[int, int], cut: bool) -> int:
        """The call that ended last before a moment, −1: none. Of one that is cut short, a call may still be waited for."""
        best, best_key = -1, (-1, False, -1)
        for c, end in ends.items():
            if self.start[c] >= cursor or any(
                taken.get(fork, branch) != branch for fork, branch in self.site[c].branches
            ):
                continue
            if end > cursor + SLACK_NS and not cut and not (last >= 0 and self._is_beside(c, last)):
                continue
            has_replied = not self.zombie[c] and end == self.replied[c]
            key = (min(end, cursor), has_replied, end)
            if key > best_key:
                best, best_key = c, key
        return best

    def _deciding(self, k: int, cursor: int) -> list[int]:
        """Calls of a task, without those of the branches that a fork did not need any more."""
        calls = self.awaited[k]
        joins = self.scripts.of[self.endpoint[k]].joins if self.endpoint[k] in self.scripts.of else {}
        for fork, needed in joins.items():
            ends: dict[int, int] = {}
            for c in calls:
                branch = dict(self.site[c].branches).get(fork)
                if branch is not None:
                    ends[branch] = max(ends.get(branch, 0), self.replied[c])
            late = sorted(ends, key=ends.__getitem__)[needed:]
            calls = [c for c in calls if dict(self.site[c].branches).get(fork) not in late]
        return calls

    def _is_beside(self, one: int, other: int) -> bool:
        """Whether two calls are one attempt: a hedge, or a broadcast to all replicas; each is beside itself."""
        return self.label[one] == self.label[other] and self.attempt[one] == self.attempt[other]

    def _is_retry(self, later: int, before: int) -> bool:
        return self.label[later] == self.label[before] and self.attempt[later] > self.attempt[before]


def _site(label: str | None, scripts: Scripts) -> CallSite:
    """The call site of a span; one of scripts that the platform no longer has is taken for a plain call."""
    name = label or ""
    return scripts.sites.get(name) or CallSite("", "", awaited=SENT not in name)


def _in_line(one: CallSite, other: CallSite) -> bool:
    """Whether two calls of a script are made one after the other."""
    other_branches = dict(other.branches)
    return all(other_branches.get(fork, branch) == branch for fork, branch in one.branches)


def _whole(moment: float) -> int | float:
    return round(moment) if moment < math.inf else moment


def _ns(seconds: NDArray[np.float64]) -> list[int]:
    found: list[int] = np.rint(seconds * NS).astype(np.int64).tolist()
    return found
