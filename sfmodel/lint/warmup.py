"""A warm-up that is too short for the sessions: the first windows then have too little load.

A run begins with nobody there. A session of n requests on average (geometric), one every c (think time and response),
makes its first request when it starts and, within a time w, (n - 1)(1 - exp(-w/nc)) of the others. So of the load at
the end of a warm-up of w the share (1 + (n - 1)(1 - exp(-w/nc)))/n is there; retries, leaving and a demand that changes
meanwhile are left out.
"""

from __future__ import annotations

import math

from sfmodel.lint.demand import cycle_s
from sfmodel.lint.durations import written
from sfmodel.lint.subject import Section, Subject

ENOUGH = 0.9
"""Share of the load that should be there when measuring begins."""


def check(subject: Subject) -> Section:
    """Compare the warm-up with the lengths of the sessions."""
    users, warmup_s = subject.platform.users, subject.run.warmup
    lines = []
    if users is not None and users.arrivals == "sessions":
        types = users.sessions.types.values()
        kinds = [(kind.share * kind.requests, kind.requests, cycle_s(subject, kind)) for kind in types]
        load = sum(weight for weight, _, _ in kinds)
        share = sum(weight * _share(n, cycle, warmup_s) for weight, n, cycle in kinds) / load if load else 1.0
        if share < ENOUGH:
            longest_s = max(n * cycle for _, n, cycle in kinds)
            lines.append(
                f"warmup, {written(warmup_s)}, is short for sessions of up to {written(longest_s)} on average: about "
                f"{100 * share:.0f} % of the load is there at the start; a warmup of {written(2 * longest_s)} would do"
            )
    return Section("Warm-up", lines, nothing="long enough for the sessions")


def _share(requests: float, cycle: float, warmup_s: float) -> float:
    later = -math.expm1(-warmup_s / (requests * cycle)) if cycle else 1.0
    return (1 + (requests - 1) * later) / requests
