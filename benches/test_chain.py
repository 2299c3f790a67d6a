"""The reference chain: sfmodel and SimPy side by side, taking turns in one run."""

from __future__ import annotations

from typing import Any

import pytest
from measuring import Report, composed, latencies
from simpy_chain import Measured, run_chain

from sfmodel.engine import prepare, simulate
from sfmodel.running import checked

ROUNDS = 3
SIMPY_S = 40.0
MEAN_S = 0.1496
P95_S = 0.517
"""By theory: every station is far from saturation, so nothing waits (conf/platform/chain.yaml)."""


def run_ours(workers: int, until: str = "11 min", seed: int = 1) -> Measured:
    """Simulate the chain with sfmodel; its time is that in the kernels."""
    servers = f"platform.services.engine.stations.workers.servers={workers}"
    simulation = prepare(checked(composed("platform=chain", f"until={until}", f"seed={seed}", servers)))
    windows: list[dict[str, Any]] = []
    simulate(simulation, lambda k, end_s, values: windows.append(dict(values)))
    gateway = list(simulation.plan.labels["endpoint"]).index("gateway.recommendations")
    return Measured(simulation.requests, simulation.wall_seconds, *latencies(windows, gateway))


@pytest.mark.parametrize("workers", [600, 110])
def test_chain_against_simpy(benchmark: Any, report: Report, workers: int) -> None:
    run_ours(workers, "70 s")  # compiles, or loads the machine code
    ours: list[Measured] = []
    simpys: list[Measured] = []

    def one_turn() -> None:
        ours.append(run_ours(workers, seed=1 + len(ours)))
        simpys.append(run_chain(SIMPY_S, workers, seed=1 + len(simpys)))

    benchmark.pedantic(one_turn, rounds=ROUNDS, iterations=1)
    _tell(report, f"engine pool of {workers}", ours, simpys, is_theory_known=workers == 600)


def _tell(report: Report, what: str, ours: list[Measured], simpys: list[Measured], is_theory_known: bool) -> None:
    for name, runs in (("sfmodel", ours), ("SimPy", simpys)):
        report.add(f"{what}, {name}", max(_rate(run) for run in runs), "requests/s")
    ratios = sorted(_rate(a) / _rate(b) for a, b in zip(ours, simpys, strict=True))
    report.add(f"{what}, sfmodel to SimPy (middle of {ROUNDS} turns)", ratios[len(ratios) // 2], "x")
    for quantity, theory in (("mean", MEAN_S), ("p95", P95_S)):
        for name, runs in (("sfmodel", ours), ("SimPy", simpys)):
            value = sum(getattr(run, f"{quantity}_s") for run in runs) / len(runs)
            tolerance = theory * (0.01 if quantity == "mean" else 0.02)
            bounds = (1e3 * (theory - tolerance), 1e3 * (theory + tolerance)) if is_theory_known else (None, None)
            report.add(f"{what}, {quantity}, {name}", 1e3 * value, "ms", *bounds)


def _rate(run: Measured) -> float:
    return run.requests / run.seconds
