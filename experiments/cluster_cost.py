"""What 10,000 points cost on a cluster of 100 machines, and what ends first: worlds that sleep for a second on Ray, here.

    .venv-ray/bin/python experiments/cluster_cost.py                       2000 points of StreamFlow
    .venv-ray/bin/python experiments/cluster_cost.py --points 500 platform=chain

Ray is started on this machine with more places than it has cores: a world that sleeps needs none. Everything else is as in
`sfmodel run -m hydra/launcher=ray`: Hydra hands each point over, Ray starts it in one of its processes, there it is composed
and leaves a folder. What a point costs is measured as processor time, since here all processes share a few cores, and on a
cluster they do not: that of the command and of Ray's global server, which there is one of, however many machines there are (the
busier bounds the sweep); that of its raylets, one a machine; and that of a world's own process beyond its second, as many as
places. All are counted from when Ray is there, since what starting takes is told apart. The table is the model that follows;
what a real point takes beyond its simulation, some seconds of reading, writing and summing up, is a part of the world's length
in it, and what its folder waits for on a shared disk is not in it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import hydra
import psutil
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from sfmodel.cli.compose import CONFIG_NAME, composed_before, our_ray
from sfmodel.cli.ray_points import composed_there
from sfmodel.schema.files import conf_folder

WORLD_S = 1.0
POINTS, MACHINES, CORES = 10_000, 100, 16
LENGTHS_S = (1, 60, 300, 1800)
"""Of worlds in the table, s; at full scale an evening takes 300 to 600."""
COMMAND, RAYLET = "the command", "raylet"
SERVERS = ("gcs_server", RAYLET)
"""Ray's processes that each point goes through."""


@dataclass(frozen=True)
class Cost:
    """What was measured."""

    first_s: float
    """From the command to the first world's beginning."""
    servers_s: dict[str, float]
    """Processor time for each point, of the command and of each of Ray's servers, of which the raylet is one of many."""
    own_s: float
    """Processor time of a world's process for each point."""
    wall_s: float
    """Of the whole sweep, here."""

    def of(self, points: int, machines: int, cores: int, world_s: float) -> tuple[float, str]:
        """Time of a sweep, s, and what it is bound by."""
        each_s = world_s + self.own_s
        bounds = {f"{name}, which points go through": points * used_s for name, used_s in self.servers_s.items()}
        bounds[f"{RAYLET}, which points go through"] /= machines
        bounds = {name: own_s + each_s for name, own_s in bounds.items()}  # and the last world
        bounds["worlds"] = math.ceil(points / (machines * cores)) * each_s
        bound = max(bounds, key=lambda key: bounds[key])
        return self.first_s + bounds[bound], "start-up" if self.first_s > bounds[bound] else bound


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=2000, help="worlds (default: 2000)")
    parser.add_argument("--places", type=int, default=32, help="worlds at a time (default: 32)")
    parser.add_argument("words", nargs="*", help="keys of all points, such as platform=chain")
    asked = parser.parse_args(arguments)
    if asked.points < 2 * asked.places:
        parser.error("--points: at least twice as many as --places, so that each place has a world after its first")
    with tempfile.TemporaryDirectory() as folder:
        cost = _measured(asked.points, asked.places, asked.words, Path(folder))
    print(
        f"{asked.points} worlds of {WORLD_S:g} s in {asked.places} places: {cost.wall_s:.0f} s on {os.cpu_count()} cores"
    )
    print(f"first world after {cost.first_s:.1f} s")
    print("processor time for each point:")
    for name, each_s in {**cost.servers_s, "a world's process": cost.own_s}.items():
        print(f"  {name}: {1000 * each_s:.1f} ms")
    print(f"\n{POINTS:,} points on {MACHINES} machines of {CORES} cores")
    print("| world | takes | at best | bound by |\n|--:|--:|--:|---|")
    for world_s in LENGTHS_S:
        wall_s, bound = cost.of(POINTS, MACHINES, CORES, world_s)
        best_s = POINTS * world_s / (MACHINES * CORES)
        print(f"| {world_s} s | {wall_s / 60:.1f} min | {best_s / 60:.1f} min | {bound} |")
    return 0


def _measured(points: int, places: int, words: Sequence[str], folder: Path) -> Cost:
    def world(config: DictConfig) -> None:
        begun_s = time.time()
        time.sleep(WORLD_S)
        own = Path(HydraConfig.get().sweep.dir) / f"seed={config.seed}"
        own.mkdir(parents=True)
        times = {"begun_s": begun_s, "used_s": time.process_time(), "process": os.getpid()}
        (own / "times.json").write_text(json.dumps(times), encoding="utf-8")

    init, remote = "hydra.launcher.ray.init", "hydra.launcher.ray.remote"
    launcher = ["hydra/launcher=ray", f"{init}.address=null", f"+{init}.num_cpus={places}", f"{remote}.memory=1000000"]
    begun_s = time.time()
    sys.argv = ["sfmodel", "-m", *words, f"seed=range(1,{points + 1})", *launcher, f"hydra.sweep.dir={folder}"]
    with our_ray(), composed_before(), composed_there(), _watched() as used_s:
        hydra.main(config_path=str(conf_folder()), config_name=CONFIG_NAME, version_base="1.3")(world)()
    wall_s = time.time() - begun_s
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*/times.json")]
    if len(found) < points:
        raise SystemExit(f"{points - len(found)} of {points} worlds are missing")
    by_process: dict[int, list[float]] = {}
    for one in found:
        by_process.setdefault(one["process"], []).append(one["used_s"])
    # From the first world's end, so that what a process takes to begin is not in it.
    own_s = sum(max(used) - min(used) for used in by_process.values()) / (points - len(by_process))
    servers_s = {name: (used[-1] - used[0]) / points for name, used in used_s.items()}
    return Cost(min(one["begun_s"] for one in found) - begun_s, servers_s, own_s, wall_s)


@contextmanager
def _watched() -> Iterator[dict[str, list[float]]]:
    """Processor time of this process and each of Ray's servers that it starts, by name; every second, while all are there."""
    used_s: dict[str, list[float]] = {name: [] for name in (COMMAND, *SERVERS)}
    over = threading.Event()

    def watch() -> None:
        own = psutil.Process()
        while not over.wait(1.0):
            with suppress(psutil.Error):
                found = {name: one for one in own.children(recursive=True) if (name := one.name()) in SERVERS}
                if len(found) == len(SERVERS):
                    times = {name: one.cpu_times() for name, one in {COMMAND: own, **found}.items()}
                    for name, one in times.items():
                        used_s[name].append(one.user + one.system)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield used_s
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    sys.exit(main())
