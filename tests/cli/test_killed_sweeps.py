"""A sweep that was killed, its parent or one of its processes, ends with the dataset of one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import xarray as xr
from support import TINY

import sfmodel

WORDS = [
    "-m", "platform=tiny", "until=0:30", "seed=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2",
    "hydra.launcher.pre_dispatch=2",
]  # fmt: skip
KILLS = 5
"""Of the parent, and of one of its processes: ten in all, at random moments of the sweep."""

BOUND_S = 300.0


def start(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sfmodel", "run", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def values(name: str) -> xr.Dataset:
    ds = sfmodel.open_sweep(name).load()
    assert ds.attrs["missing"] == []
    return ds.drop_vars("run")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[xr.Dataset, float]]:
    """The dataset, and how long the sweep takes, s."""
    folder = tmp_path_factory.mktemp("sweeps")
    (folder / "conf/platform").mkdir(parents=True)
    (folder / "conf/platform/tiny.yaml").write_text(TINY, encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    began = time.monotonic()
    assert start(*WORDS, "hydra.sweep.dir=runs/whole").wait(BOUND_S) == 0
    yield values("whole"), time.monotonic() - began
    os.chdir(before)


@pytest.mark.parametrize("number", range(KILLS))
def test_the_parent_is_killed(undisturbed: tuple[xr.Dataset, float], number: int) -> None:
    whole, takes_s = undisturbed
    name = f"parent{number}"
    process = start(*WORDS, f"hydra.sweep.dir=runs/{name}")
    while not Path("runs", name, "sweep.json").exists():
        time.sleep(0.01)
    time.sleep(random.Random(number).uniform(0, 0.8 * takes_s))
    process.kill()
    process.wait(BOUND_S)
    finished = {path: path.stat().st_mtime_ns for path in Path("runs", name).glob("*/MANIFEST.json")}

    assert start(f"resume=runs/{name}").wait(BOUND_S) == 0

    xr.testing.assert_identical(values(name).drop_attrs(), whole.drop_attrs())
    assert all(path.stat().st_mtime_ns == made for path, made in finished.items())


@pytest.mark.parametrize("number", range(KILLS))
def test_one_of_its_processes_is_killed(undisturbed: tuple[xr.Dataset, float], number: int) -> None:
    whole, _ = undisturbed
    name, chance = f"worker{number}", random.Random(number)
    process = start(*WORDS, f"hydra.sweep.dir=runs/{name}")
    while not list(Path("runs", name).glob("*.partial")) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.5))
    workers = psutil.Process(process.pid).children()
    if workers:
        os.kill(chance.choice(workers).pid, signal.SIGKILL)

    assert process.wait(BOUND_S) == 0

    assert workers
    xr.testing.assert_identical(values(name).drop_attrs(), whole.drop_attrs())
