"""Small platforms of which it is known what breaks them, and the runs of a search in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sfmodel.alerts.objectives import Objective
from sfmodel.failure_modes.trials import Made, Trials, setting_of
from sfmodel.running import run_in_memory

RATE = 20.0
"""Requests per second, at equal distances: nothing is left to chance but service times."""


def in_memory(mappings: Mapping[str, Mapping[str, Any]]) -> Made:
    return {name: run_in_memory({**mapping, "forks": []}) for name, mapping in mappings.items()}


def chain(used: Mapping[str, float], quota: float = 10.0, fixed: bool = False) -> dict[str, Any]:
    """Stations one behind the other, each used so much, behind a quota of so many times what comes; times exponential or not."""
    services: dict[str, Any] = {
        name: {
            "stations": {"cpu": {"servers": 10}},
            "endpoints": {"do": {"steps": [{"use": "cpu", "time": _time(10 * part / RATE, fixed)}]}},
        }
        for name, part in used.items()
    }
    services["web"] = {
        "limiters": {"quota": {"kind": "token_bucket", "rate": f"{RATE * quota}/s", "burst": 2}},
        "endpoints": {"get": {"steps": [{"pass": "quota"}, *({"call": f"{name}.do"} for name in used)]}},
    }
    return {
        "platform": {
            "name": "planted", "services": services, "sources": {"visits": {"call": "web.get", "every": f"{1 / RATE} s"}},
        },
        "start": "0 s", "until": "1000 s", "window": "30 s", "warmup": "30 s", "trace": {"one_in": 0},
    }  # fmt: skip


def _time(seconds: float, fixed: bool) -> Any:
    return f"{seconds} s" if fixed else {"exponential": f"{seconds} s"}


def answered(objective: float = 0.99, within: str | None = None) -> Objective:
    found = {"name": "answered", "endpoints": ["web.get"], "objective": objective, "within": within}
    return Objective.model_validate(found)


def trials(config: Mapping[str, Any], objective: Objective, held_out: Sequence[int] = ()) -> Trials:
    """Trials of triggers at one minute, on five minutes, seeds 1 and 2."""
    return Trials(setting_of(config, objective, (1, 2), 60.0, 300.0, held_out), in_memory)
