"""Random platforms in tiers, quiet or with a trouble of which it is known where it begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

Mapping = dict[str, Any]

BEGINS_S, LASTS_S, UNTIL_S = 240.0, 180.0, 600.0
RATE = 60.0
"""Requests per second."""


@dataclass
class Tiers:
    """A tree of services below `web`, each with a processor that is half used at most; some block a worker meanwhile."""

    chance: Random
    parent: dict[str, str] = field(default_factory=dict)
    rate: dict[str, float] = field(default_factory=dict)
    """Calls per second of each service."""
    used: dict[str, float] = field(default_factory=dict)
    """Utilisation of each processor."""
    services: Mapping = field(default_factory=dict)

    def grow(self, name: str, rate: float, depth: int) -> None:
        """Add a service, and those below it."""
        chance, self.rate[name] = self.chance, rate
        time_s, self.used[name] = chance.choice((0.005, 0.012, 0.03)), chance.uniform(0.2, 0.5)
        below: list[Mapping] = []
        if depth:
            for k in range(chance.choice((1, 1, 2, 3))):
                child, share = f"{name}_{k}" if name != "web" else f"s{k}", chance.choice((0.5, 0.8, 1.0))
                self.parent[child] = name
                timeout = {"timeout": chance.choice(("1 s", "2 s"))} if chance.random() < 0.5 else {}
                below.append({"call": f"{child}.do", "with_probability": share, **timeout})
                self.grow(child, rate * share, depth - chance.choice((1, 1, 2)) if depth > 1 else 0)
        servers = max(1, round(rate * time_s / self.used[name]))
        speed = rate * time_s / servers / self.used[name]
        steps = [
            {"pass": "quota"},
            {"fail": "error", "with_probability": 1e-9, "label": "breaks"},
            {"use": "cpu", "time": {"exponential": f"{time_s * 1000} ms"}},
            *below,
        ]
        blocks = chance.random() < 0.5
        workers = {"workers": {"servers": max(4, round(rate * 0.6)), "queue": 200}} if blocks else {}
        self.services[name] = {
            "stations": {"cpu": {"servers": servers, "speed": speed}, **workers},
            "limiters": {"quota": {"kind": "token_bucket", "rate": f"{rate * 3}/s", "burst": round(rate * 3)}},
            "endpoints": {"do": {"steps": steps, **({"hold": "workers"} if blocks else {})}},
        }


def platform(seed: int) -> tuple[Tiers, Mapping]:
    """A platform and its quiet run of ten minutes."""
    tiers = Tiers(Random(seed))
    tiers.grow("web", RATE, 3)
    return tiers, {
        "platform": {
            "name": f"tiers{seed}", "network": "1 ms", "services": tiers.services,
            "sources": {"visits": {"call": "web.do", "rate": f"{RATE}/s"}},
        },
        "seed": seed, "start": "0 s", "until": f"{UNTIL_S} s", "window": "10 s", "warmup": "30 s", "trace": {"one_in": 0},
    }  # fmt: skip


def quiet(seed: int) -> Mapping:
    """One to sixty minutes of a platform of which some service always fails now and then, after a night with little to do."""
    tiers, mapping = platform(seed)
    chance = Random(seed + 2_000_000)
    name, minutes = chance.choice(list(tiers.services)), chance.choice((1, 2, 5, 20, 60))
    tiers.services[name]["endpoints"]["do"]["steps"][1]["with_probability"] = chance.choice((0.002, 0.01, 0.03, 0.05))
    night_s, until_s = chance.choice((0, 0.2, 0.5)) * minutes * 60, minutes * 60
    level = chance.choice((0.003, 0.03, 0.3))
    events = [{"at": "0 s", "for": f"{night_s} s", "scale": {"sources.visits.rate": level}}] if night_s else []
    return {
        **mapping, "until": f"{until_s} s", "warmup": "1 s", "scenario": {"title": "A night", "events": events},
    }  # fmt: skip


def troubled(seed: int) -> tuple[Tiers, Mapping, str]:
    """The same with a trouble from BEGINS_S on in a service below `web` that a third of the visits come to; and its name."""
    tiers, mapping = platform(seed)
    chance = Random(seed + 1_000_000)
    origin = chance.choice([name for name, rate in tiers.rate.items() if name != "web" and rate >= RATE / 3])
    own = f"services.{origin}"
    event = chance.choice((
        {"scale": {f"{own}.stations.cpu.speed": tiers.used[origin] / chance.uniform(1.3, 4)}},
        {"set": {f"{own}.endpoints.do.steps.breaks.with_probability": chance.uniform(0.2, 0.9)}},
        {"scale": {f"{own}.limiters.quota.rate": chance.uniform(0.02, 0.2)}},
    ))  # fmt: skip
    event |= {"at": f"{BEGINS_S} s", "for": f"{LASTS_S} s"}
    return tiers, {**mapping, "scenario": {"title": "Trouble", "events": [event]}}, origin


def way_up(tiers: Tiers, origin: str) -> tuple[str, ...]:
    """Services from one to `web`."""
    way = [origin]
    while way[-1] != "web":
        way.append(tiers.parent[way[-1]])
    return tuple(way)
