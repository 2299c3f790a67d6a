"""An adaptive limit against Gradient2 as Netflix's concurrency-limits has it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from alone import Bench, fewer, of

from sfkernels.adaptive import adapt, learn
from sfkernels.records import SCALER, STATION

pytestmark = pytest.mark.interpreted

DEFAULTS = {
    "least": 20,
    "most": 200,
    "allowance": 4,
    "tolerance": 1.5,
    "smoothing": 0.2,
    "weight": 2 / 601,
    "samples": 10,
}


@dataclass
class Twin:
    """Gradient2Limit with its own defaults."""

    limit: float = 20.0
    long: float = 0.0
    first: list[float] = field(default_factory=list)

    def update(self, short: float, in_flight: float) -> None:
        if len(self.first) < 10:
            self.first.append(short)
            self.long = sum(self.first) / len(self.first)
        else:
            factor = 2 / (600 + 1)
            self.long = self.long * (1 - factor) + short * factor
        long = self.long
        if long / short > 2:
            self.long = long * 0.95
        if in_flight < self.limit / 2:
            return
        gradient = max(0.5, min(1.0, 1.5 * long / short))
        new = self.limit * gradient + 4
        self.limit = max(20.0, min(200.0, self.limit * (1 - 0.2) + new * 0.2))


def test_the_limit_follows_the_published_rule() -> None:
    bench, twin, chance = Bench(scalers=of(SCALER, limit=20, **DEFAULTS)), Twin(), np.random.default_rng(2)
    limits = set()
    for number in range(fewer(3000, 300)):
        level = (1.0, 4.0, 0.2)[number // 200 % 3]
        short, in_flight = level * float(chance.lognormal(0, 0.3)), twin.limit * float(chance.uniform(0.4, 1))
        bench.call(learn, z=0, time=short, in_flight=in_flight)
        twin.update(short, in_flight)
        assert bench.scalers["limit"][0] == pytest.approx(twin.limit, rel=1e-12)
        assert bench.scalers["long_s"][0] == pytest.approx(twin.long, rel=1e-9)
        limits.add(round(twin.limit))
    assert min(limits) == 20 < 60 < max(limits)


def test_steps_by_hand() -> None:
    """Steady times: 0.2 x 4 more each period. Four times as long: 1.5 / 4 is raised to 0.5, 20 % of the way there."""
    bench = Bench(scalers=of(SCALER, limit=100, **DEFAULTS))
    for k in range(1, 11):
        bench.call(learn, z=0, time=0.1, in_flight=100)
        assert bench.scalers["limit"][0] == pytest.approx(100 + 0.8 * k)
    bench.call(learn, z=0, time=0.4, in_flight=100)
    assert bench.scalers["limit"][0] == pytest.approx(0.8 * 108 + 0.2 * (0.5 * 108 + 4))
    before = bench.scalers["limit"][0]
    bench.call(learn, z=0, time=0.4, in_flight=before / 2 - 1)
    assert bench.scalers["limit"][0] == before


def test_a_period_is_summed_up_by_littles_law() -> None:
    """30 ends in a second in which 6 permits were held on average: 0.2 s each; nobody waited, so 6 are in flight."""
    station = {"servers": 20.0, "in_service": 6, "ends": 30}
    scaler = DEFAULTS | {"every": 1.0, "limit": 20}
    bench = Bench(stations=of(STATION, **station), scalers=of(SCALER, **scaler))
    assert not bench.call(adapt, z=0, now=1.0)
    assert bench.scalers["long_s"][0] == pytest.approx(0.2)
    assert bench.stations["servers"][0] == 20
    bench.stations["ends"], bench.stations["rejected"] = 60, 1  # somebody was turned away: all 20 were in flight
    bench.scalers["allowance"] = 10
    assert bench.call(adapt, z=0, now=2.0)
    assert bench.stations["servers"][0] == 22
    bench.stations["ends"] = 65  # too few
    assert not bench.call(adapt, z=0, now=3.0)
    assert bench.scalers["periods"][0] == 2
    bench.stations["servers"] = 50.0  # by a change
    bench.call(adapt, z=0, now=4.0)
    assert bench.scalers["limit"][0] == 50
