"""Three requests as the engine hands them over: one that is answered, one that fails, one that is slow."""

from __future__ import annotations

import numpy as np

SPAN = np.dtype(
    [
        ("trace_id", "u8"), ("span", "u8"), ("parent", "u8"), ("start", "f8"), ("arrived", "f8"), ("ended", "f8"),
        ("queued", "f8"), ("served", "f8"), ("endpoint", "i4"), ("call", "i4"), ("replica", "i4"), ("user", "u4"),
        ("item_id", "u4"), ("outcome", "i1"), ("attempt", "i1"), ("zombie", "b1"), ("cause", "i2"),
    ]
)  # fmt: skip
LABELS = {
    "endpoint": ["gateway.recommendations", "auth.validate", "profile.get", "engine.recommend", "cache.get"],
    "call": ["gateway.recommendations>auth.validate", "g>p", "g>e", "e>c"],
    "cause": ["who asked", "network", "auth.workers"],
}
TITLES = {"gateway": "Gateway", "auth": "Auth Service", "profile": "User Profile Service", "cache": "Cache"}
OK, TIMEOUT, REJECTED = 0, 1, 2


def span(trace, number, parent, start, end, endpoint, call, outcome=OK, queued=0.0, attempt=0, zombie=False):
    t = 72000.0
    service_s = end - start - queued
    return (
        trace, number, parent, t + start, t + start, t + end, queued, service_s, endpoint, call, 0, 5, 9, outcome,
        attempt, zombie, 2,
    )  # fmt: skip


HAPPY = [
    span(7, 1, 0, 0.0, 0.0761, 0, -1),
    span(7, 4, 1, 0.07, 0.0761, 3, 2),
    span(7, 5, 4, 0.0705, 0.0755, 4, 3),
    span(7, 2, 1, 0.0, 0.02, 1, 0),
    span(7, 3, 1, 0.02, 0.07, 2, 1, queued=0.01),
]
FAILED = [
    span(8, 11, 0, 0.0, 2.0, 0, -1, TIMEOUT),
    span(8, 12, 11, 0.0, 3.0, 1, 0, queued=1.2, zombie=True),
    span(8, 13, 11, 1.0, 1.5, 1, 0, REJECTED, attempt=1),
]
SLOW = [span(9, 21, 0, 5.0, 6.5, 0, -1), span(9, 22, 21, 5.0, 6.4, 3, 2)]
