"""A small platform, as a mapping, for tests that break it in one place."""

from __future__ import annotations

import copy
from typing import Any

SMALL: dict[str, Any] = {
    "platform": {
        "name": "small",
        "services": {
            "web": {
                "stations": {"workers": {"servers": 4}},
                "caches": {"pages": {"key": "user", "ttl": "1 min", "of": "redis", "read": "redis.get"}},
                "endpoints": {
                    "get": {
                        "hold": "workers",
                        "steps": [
                            {"lookup": "pages", "on_hit": "return"},
                            {"call": "db.query", "timeout": "1 s", "on_timeout": {"sleep": "1 ms"}},
                        ],
                    }
                },
            },
            "db": {
                "stations": {"cpu": {"servers": 4}},
                "endpoints": {"query": {"hold": "cpu", "steps": [{"sleep": "10 ms"}]}},
            },
            "redis": {
                "memory": {"limit": "1 GB"},
                "stations": {"cpu": {"servers": 1}},
                "endpoints": {"get": {"steps": [{"use": "cpu", "time": "1 ms"}]}},
            },
        },
        "users": {
            "population": 10,
            "sessions": {
                "rate": "1/s",
                "types": {"visit": {"requests": 2, "mix": {"page": {"call": "web.get", "weight": 1}}}},
            },
        },
        "sources": {"crawler": {"call": "web.get", "rate": "1/s"}},
    }
}


def small(**changes: Any) -> dict[str, Any]:
    """Return a copy of the platform with values changed: keys are paths with `__` for the dots."""
    mapping = copy.deepcopy(SMALL)
    for key, value in changes.items():
        put(mapping, key.replace("__", "."), value)
    return mapping


def put(mapping: Any, key: str, value: Any) -> None:
    """Write one value at a dotted key."""
    *above, last = key.split(".")
    for part in above:
        mapping = mapping[int(part)] if isinstance(mapping, list) else mapping.setdefault(part, {})
    if isinstance(mapping, list):
        mapping[int(last)] = value
    else:
        mapping[last] = value
