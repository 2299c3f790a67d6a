"""A run in a process of its own: what it takes to the first event, and where its memory is. Prints JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

STARTED = time.perf_counter()


def main(overrides: list[str]) -> None:
    """Go as far as the first event, then a minute on."""
    from measuring import composed

    from sfmodel.engine import prepare
    from sfmodel.running import checked

    import_s = time.perf_counter() - STARTED
    run = checked(composed(*overrides))
    compose_s = time.perf_counter() - STARTED - import_s
    simulation = prepare(run)
    world = simulation.world
    started = time.perf_counter()
    world.compile()
    compile_s = time.perf_counter() - started
    started = time.perf_counter()
    world.begin()
    begin_s = time.perf_counter() - started
    _first_event(simulation)
    to_first_event_s = time.perf_counter() - STARTED
    world.advance(run.start + simulation.plan.shift_s + 60.0)
    arrays = {name: array.nbytes for name, array in world.arrays.items() if array.base is None or "rows" in name}
    arrays = {name: size for name, size in arrays.items() if not name.endswith("_float")}
    print(json.dumps({
        "import_s": import_s, "compose_s": compose_s, "compile_s": compile_s, "begin_s": begin_s,
        "to_first_event_s": to_first_event_s, "process_s": _age(), "peak_bytes": _peak(), "requests": simulation.requests,
        "arrays": dict(sorted(arrays.items(), key=lambda pair: -pair[1])[:8]), "arrays_bytes": sum(arrays.values()),
    }))  # fmt: skip


def _first_event(simulation) -> None:
    until = simulation.plan.begin_s
    while simulation.events == 0:
        until += 0.01
        simulation.world.advance(until)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _age() -> float:
    """Seconds since this process was started, with Python's own start."""
    path = Path("/proc/self/stat")
    if not path.exists():
        return time.perf_counter() - STARTED
    ticks = float(path.read_text().rsplit(")", 1)[1].split()[19])
    return float(Path("/proc/uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(sys.argv[1:])
