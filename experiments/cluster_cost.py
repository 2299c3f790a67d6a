"""What 10,000 points cost on a cluster of 100 machines, and what ends first: worlds that sleep for a second on Ray, here.

    .venv-ray/bin/python experiments/cluster_cost.py                       2000 points of StreamFlow
    .venv-ray/bin/python experiments/cluster_cost.py --points 500 platform=chain

Ray is started on this machine with more places than it has cores: a world that sleeps needs none. Everything else is as in
`sfmodel run -m hydra/launcher=ray`: Hydra hands each point over, Ray starts it in one of its processes, there it is composed
and leaves a folder. Measured are the time for each point until the last world has begun, and how long a world takes beyond its
second. The table is the model that follows from them; what a real point takes beyond its simulation, some seconds
of reading, writing and summing up, is a part of the world's length in it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import hydra
import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from sfmodel.cli.compose import CONFIG_NAME, composed_before, our_ray
from sfmodel.cli.ray_points import composed_there
from sfmodel.schema.files import conf_folder

WORLD_S = 1.0
POINTS, MACHINES, CORES = 10_000, 100, 16
LENGTHS_S = (1, 60, 300, 1800)
"""Of worlds in the table, s; at full scale an evening takes 300 to 600."""


@dataclass(frozen=True)
class Cost:
    """What was measured."""

    first_s: float
    """From the command to the first world's beginning."""
    handed_s: float
    """From the command to the last world's beginning, for each point; Ray's own start is in it, so measure many points."""
    beyond_s: float
    """From a world's beginning to the next one's in the same place, beyond its sleep."""
    parent_s: float
    """Processor time of the command for each point."""
    wall_s: float
    """Of the whole sweep."""

    def of(self, points: int, places: int, world_s: float) -> tuple[float, str]:
        """Time of a sweep, s, and what it is bound by."""
        handed, simulated = points * self.handed_s, points * (world_s + self.beyond_s) / places
        bound = "the command hands points over" if handed > simulated else "worlds"
        return max(handed, simulated) + world_s, bound


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=2000, help="worlds (default: 2000)")
    parser.add_argument("--places", type=int, default=32, help="worlds at a time (default: 32)")
    parser.add_argument("words", nargs="*", help="keys of all points, such as platform=chain")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cost = _measured(asked.points, asked.places, asked.words, Path(folder))
    print(f"{asked.points} worlds of {WORLD_S:g} s in {asked.places} places: {cost.wall_s:.0f} s")
    print(
        f"first world after {cost.first_s:.1f} s, all after {cost.handed_s:.2f} s a point; {cost.beyond_s:.2f} s beyond each"
    )
    print(f"the command takes {1000 * cost.parent_s:.0f} ms of its processor for each point")
    print(f"\n{POINTS:,} points on {MACHINES} machines of {CORES} cores")
    print("| world | takes | at best | bound by |\n|--:|--:|--:|---|")
    for world_s in LENGTHS_S:
        wall_s, bound = cost.of(POINTS, MACHINES * CORES, world_s)
        best_s = POINTS * world_s / (MACHINES * CORES)
        print(f"| {world_s} s | {wall_s / 60:.1f} min | {best_s / 60:.1f} min | {bound} |")
    return 0


def _measured(points: int, places: int, words: Sequence[str], folder: Path) -> Cost:
    def world(config: DictConfig) -> None:
        begun_s = time.time()
        time.sleep(WORLD_S)
        own = Path(HydraConfig.get().sweep.dir) / f"seed={config.seed}"
        own.mkdir(parents=True)
        times = {"begun_s": begun_s, "ended_s": time.time(), "process": os.getpid()}
        (own / "times.json").write_text(json.dumps(times), encoding="utf-8")

    init, remote = "hydra.launcher.ray.init", "hydra.launcher.ray.remote"
    launcher = ["hydra/launcher=ray", f"{init}.address=null", f"+{init}.num_cpus={places}", f"{remote}.memory=1000000"]
    begun_s, used_s = time.time(), time.process_time()
    sys.argv = ["sfmodel", "-m", *words, f"seed=range(1,{points + 1})", *launcher, f"hydra.sweep.dir={folder}"]
    with our_ray(), composed_before(), composed_there():
        hydra.main(config_path=str(conf_folder()), config_name=CONFIG_NAME, version_base="1.3")(world)()
    ended_s, used_s = time.time(), time.process_time() - used_s
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*/times.json")]
    if len(found) < points:
        raise SystemExit(f"{points - len(found)} of {points} worlds are missing")
    begins = np.sort([one["begun_s"] for one in found])
    by_process: dict[int, list[tuple[float, float]]] = {}
    for one in found:
        by_process.setdefault(one["process"], []).append((one["begun_s"], one["ended_s"]))
    waits = [
        later[0] - earlier[1]
        for runs in by_process.values()
        for earlier, later in zip(sorted(runs), sorted(runs)[1:], strict=False)
    ]
    handed_s = float(begins[-1] - begun_s) / points
    # The least: who waits for a point to be handed over waits longer.
    beyond_s = float(np.percentile(waits, 5)) if waits else 0.0
    return Cost(float(begins[0] - begun_s), handed_s, beyond_s, used_s / points, ended_s - begun_s)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    sys.exit(main())
