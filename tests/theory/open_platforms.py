"""Platforms of one thing under Poisson arrivals."""

from __future__ import annotations

from typing import Any

from support import totals

Mapping = dict[str, Any]


def run(service: Mapping, rate: float, length: float, seed: int, warmup: float, **platform: Any) -> Mapping:
    """Totals of a run of one service `s` with one endpoint `get` that a Poisson source calls."""
    made = {
        "name": "theory",
        "services": {"s": service},
        "sources": {"in": {"call": "s.get", "rate": f"{rate} /s", **platform.pop("source", {})}},
        **platform,
    }
    return totals({
        "platform": made, "start": f"{warmup} s", "until": f"{warmup + length} s", "warmup": f"{warmup} s",
        "window": f"{length} s", "seed": seed,
    })  # fmt: skip


def station(time: Any, rate: float, length: float, seed: int, warmup: float | None = None, **options: Any) -> Mapping:
    """Totals of one station `s.x`; the warm-up is a tenth of the length unless given."""
    service = {"stations": {"x": options}, "endpoints": {"get": {"steps": [{"use": "x", "time": time}]}}}
    return run(service, rate, length, seed, length / 10 if warmup is None else warmup)


def mean_wait(result: Mapping, name: str = "s.x") -> float:
    """Mean wait of those whose service began, s."""
    return result["station_wait"][name] / result["station_starts"][name]
