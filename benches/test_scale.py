"""Cost grows with what happens, not with what there is; starting and memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from measuring import Report, Stepper, composed, take_turns

HERE = Path(__file__).parent
MINUTE_S = 60.0
STEPS = 5
FEW, MANY = 500_000, 50_000_000


def test_minutes_of_many_users(benchmark: Any, report: Report) -> None:
    """50 M users against half a million, with the same number of sessions."""
    many, few = (Stepper(_streamflow("16:00", f"users={users}")) for users in (MANY, FEW))
    benchmark.pedantic(lambda: take_turns(many, few, MINUTE_S / STEPS, STEPS), rounds=2, iterations=1)
    for name, stepper in ((f"{MANY:,} users", many), (f"{FEW:,} users", few)):
        report.add(f"StreamFlow, {name}, a request", stepper.per_request_ns, "ns")
        report.add(f"StreamFlow, {name}, an event", stepper.per_event_ns, "ns")
    report.add("StreamFlow, many to few users, a request", many.per_request_ns / few.per_request_ns, "x", most=2.0)
    report.add("StreamFlow, many to few users, an event", many.per_event_ns / few.per_event_ns, "x")


def test_minutes_at_peak(benchmark: Any, report: Report) -> None:
    """Peak load against normal load; fewer users, which is the same for both."""
    peak, normal = (Stepper(_streamflow(start, f"users={FEW * 4}")) for start in ("21:00", "16:00"))
    benchmark.pedantic(lambda: take_turns(peak, normal, MINUTE_S / STEPS, STEPS), rounds=2, iterations=1)
    for name, stepper in (("peak", peak), ("normal load", normal)):
        report.add(f"StreamFlow, {name}, a request", stepper.per_request_ns, "ns")
    report.add("StreamFlow, a simulated minute at peak", stepper_minute(peak), "s")
    report.add("StreamFlow, peak to normal, a request", peak.per_request_ns / normal.per_request_ns, "x", most=1.3)
    report.add("StreamFlow, peak to normal, an event", peak.per_event_ns / normal.per_event_ns, "x")


def test_tracing(benchmark: Any, report: Report) -> None:
    """The same minutes at peak, one request in 10,000 traced and none: the median ratio of many short turns."""
    traced, plain = (Stepper(_streamflow("21:00", f"users={FEW * 4}", f"trace.one_in={k}")) for k in (10_000, 0))
    ratios: list[float] = []
    benchmark.pedantic(lambda: ratios.extend(take_turns(traced, plain, 2.0, 150)), rounds=1, iterations=1)
    assert len(traced.simulation.spans)
    report.add("StreamFlow, 1 in 10,000 traced to none, a request", statistics.median(ratios), "x", most=1.03)


def test_long_queue(benchmark: Any, report: Report) -> None:
    """A station's queue of a million tasks against one of ten."""
    long, short = Stepper(_queue(1_000_000)), Stepper(_queue(10))
    benchmark.pedantic(lambda: take_turns(long, short, 10.0, STEPS), rounds=2, iterations=1)
    waiting = [int(stepper.simulation.world.arrays["stations"]["waiting"][0]) for stepper in (long, short)]
    assert waiting[0] > 900_000
    assert waiting[1] <= 10
    report.add("a queue of 1,000,000, an event", long.per_event_ns, "ns")
    report.add("a queue of 10, an event", short.per_event_ns, "ns")
    report.add("a queue of 1,000,000 to one of 10, an event", long.per_event_ns / short.per_event_ns, "x")


def test_cold_and_warm_start(benchmark: Any, report: Report, tmp_path: Path) -> None:
    """The first run of a version compiles; the next ones load the machine code."""
    overrides = ("platform=chain",)
    cold = _in_process(tmp_path, *overrides)
    warm: list[dict[str, Any]] = []
    benchmark.pedantic(lambda: warm.append(_in_process(tmp_path, *overrides)), rounds=3, iterations=1)
    best = min(warm, key=lambda run: run["to_first_event_s"])
    report.add("cold compile of all kernels", cold["compile_s"], "s")
    report.add("warm start, to the first event (chain)", best["to_first_event_s"], "s")
    for part in ("import_s", "compose_s", "compile_s", "begin_s"):
        report.add(f"warm start, of it {part.removesuffix('_s')}", best[part], "s")


def test_memory_and_start_of_streamflow(benchmark: Any, report: Report) -> None:
    """Peak memory of StreamFlow at full scale, and where it is."""
    runs: list[dict[str, Any]] = []
    folder = os.environ.get("SFMODEL_CACHE_DIR")
    overrides = ("platform=streamflow", "start=16:00", "until=16:01", "warmup=1 min")
    benchmark.pedantic(lambda: runs.append(_in_process(folder, *overrides)), rounds=1, iterations=1)
    run = runs[0]
    report.add("StreamFlow, 50 M users, to the first event", run["to_first_event_s"], "s")
    report.add("StreamFlow, 50 M users, of it filling warm caches", run["begin_s"], "s")
    report.add("memory, StreamFlow with 50 M users, peak", run["peak_bytes"] / 1e6, "MB")
    report.add("memory, all arrays (untouched pages included)", run["arrays_bytes"] / 1e6, "MB")
    for name, size in run["arrays"].items():
        report.add(f"memory, {name}", size / 1e6, "MB")


def stepper_minute(stepper: Stepper) -> float:
    """Time of a simulated minute, in s."""
    return stepper.seconds / (stepper.at_s - stepper.simulation.run.start) * MINUTE_S


def _streamflow(start: str, *overrides: str) -> dict[str, Any]:
    return composed("platform=streamflow", f"start={start}", "until=23:59", "warmup=3 min", *overrides)


def _queue(limit: int) -> dict[str, Any]:
    """A station that is asked for 2 % more than it can do, its queue full from the beginning."""
    service = {
        "stations": {"servers": {"servers": 100, "queue": limit}},
        "endpoints": {"serve": {"steps": [{"use": "servers", "time": {"exponential": "10 ms"}}]}},
    }
    sources = {
        "arrivals": {"call": "server.serve", "rate": "10200/s"},
        "crowd": {"call": "server.serve", "at": ["1 s"], "batch": limit + 100},
    }
    platform = {"name": "queue", "services": {"server": service}, "sources": sources}
    return {"platform": platform, "start": "5 s", "until": "1 h", "warmup": "5 s"}


def _in_process(cache_folder: str | Path | None, *overrides: str) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    if cache_folder is not None:
        environment["SFMODEL_CACHE_DIR"] = str(cache_folder)
    command = [sys.executable, str(HERE / "one_run.py"), *overrides]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(done.stderr)
    return json.loads(done.stdout)
