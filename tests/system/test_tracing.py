"""Every sampled request leaves its spans, in quiet times too, until the limit."""

from __future__ import annotations

import pytest

from sfmodel.cli.compose import composed
from sfmodel.engine import Simulation, prepare, simulate
from sfmodel.schema import parse_run


def traced(*overrides: str) -> Simulation:
    simulation = prepare(parse_run(composed(["platform=mmc", "until=200 s", "warmup=0 s", *overrides])))
    simulate(simulation)
    return simulation


def test_a_quiet_platform_loses_no_span() -> None:
    simulation = traced("trace.one_in=1")
    assert simulation.requests > 10_000
    assert simulation.spans_lost == 0
    assert len(simulation.spans) >= simulation.requests - 100  # all but those in flight


@pytest.mark.parametrize("limit", [0, 500])
def test_what_comes_after_the_limit_is_counted(limit: int) -> None:
    simulation = traced("trace.one_in=1", f"trace.limit={limit}")
    assert len(simulation.spans) == limit
    assert simulation.spans_lost >= simulation.requests - limit - 100


def test_the_warm_up_takes_no_room() -> None:
    simulation = traced("warmup=200 s", "start=300 s", "until=320 s", "trace.one_in=1", "trace.limit=2 k")
    assert simulation.spans_lost == 0
    assert 1200 < len(simulation.spans) < 2000  # 80 a second
    assert simulation.spans["ended"].min() >= 300
