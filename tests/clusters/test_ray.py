"""The same sweep on a Ray cluster of two nodes, 127.0.0.2 and 127.0.0.3, with one core each."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from daemons import ROOT, STARTING_S, Sweeps, daemon, free_port, until

ENVIRONMENT = Path(os.environ.get("SFMODEL_RAY_ENVIRONMENT", ROOT / ".venv-ray"))
"""Ray's own: its launcher needs a cloudpickle older than others."""
PYTHON = ENVIRONMENT / "bin/python"
pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason=f"Ray is not installed in {ENVIRONMENT.name}; 'make test' does it"
)

HEAD, OTHER = "127.0.0.2", "127.0.0.3"
MEMORY = 3_000_000_000
NODE = ["--block", "--num-cpus=1", f"--memory={MEMORY}", "--object-store-memory=100000000", "--disable-usage-stats"]
ENV = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ADDRESS": "",
    "RAY_AUTH_MODE": "disabled",  # else a token in the home folder is asked for by the daemons alone
    "RAY_worker_niceness": "0",  # else workers starve beside others
}
BOTH_ALIVE = """
import ray, sys, time
ray.init(sys.argv[1], _node_ip_address=sys.argv[2])
while sum(node["Alive"] for node in ray.nodes()) < 2:
    time.sleep(0.1)
"""
SHORT = ("platform=chain", "scenario=mine", "seed=1,2", "until='00:01:30','00:00:10'")
LONG = ("platform=chain", "until=00:40", "window=60s", "seed=1,2")


@contextmanager
def cluster() -> Iterator[str]:
    """Address of its head. Its folder has a short path: sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    address = f"{HEAD}:{free_port(HEAD)}"
    head = ["--head", f"--node-ip-address={HEAD}", f"--port={address.split(':')[1]}", "--include-dashboard=false"]
    other = [f"--address={address}", f"--node-ip-address={OTHER}"]
    start = [str(PYTHON), "-m", "ray.scripts.scripts", "start"]

    try:
        with daemon([*start, *head, *NODE, f"--temp-dir={folder}"], folder / "head.log", ENV) as first:
            until(
                lambda: first.poll() is not None or "runtime started" in (folder / "head.log").read_text(),
                STARTING_S,
                "Ray",
            )
            with daemon([*start, *other, *NODE], folder / "other.log", ENV):
                asked = [str(PYTHON), "-c", BOTH_ALIVE, address, HEAD]
                environment = {**os.environ, **ENV}
                came = subprocess.run(
                    asked, capture_output=True, text=True, timeout=STARTING_S, env=environment, check=False
                )
                assert came.returncode == 0, came.stderr
                yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweeps]:
    with cluster() as address:
        init = "hydra.launcher.ray.init"
        words = ["hydra/launcher=ray", f"{init}.address={address}", f"{init}._node_ip_address={HEAD}"]
        yield Sweeps(PYTHON, tmp_path_factory.mktemp("ray"), words, ENV)


def test_results_are_those_of_one_process_to_the_bit(sweeps: Sweeps) -> None:
    own = sweeps.folder / "conf/scenario/mine.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("title: Mine\n", encoding="utf-8")

    here = sweeps.begin(*SHORT, "hydra.sweep.dir=runs/here", launcher=False)
    status, output = sweeps.run(*SHORT, "hydra.sweep.dir=runs/there")

    assert status == sweeps.finish(here)[0] == 2, output
    assert "failed so: seed=1,until=00-00-10, seed=2,until=00-00-10, in runs/there" in output
    assert sweeps.runs("runs/there") == sweeps.runs("runs/here") == ["seed=1,until=00-01-30", "seed=2,until=00-01-30"]
    for run in sweeps.runs("runs/here"):
        assert sweeps.dataset(f"runs/there/{run}").equals(sweeps.dataset(f"runs/here/{run}"))


def test_a_run_whose_worker_is_killed_is_made_again(sweeps: Sweeps) -> None:
    sweep = sweeps.begin(*LONG, "hydra.sweep.dir=runs/killed")
    nodes = [_node(sweeps.writer(f"runs/killed/seed={seed}")) for seed in (1, 2)]
    sweeps.writer("runs/killed/seed=2").kill()
    status, output = sweeps.finish(sweep)

    assert status == 0, output
    assert sorted(nodes) == [HEAD, OTHER]
    assert sweeps.runs("runs/killed") == ["seed=1", "seed=2"]
    assert (sweeps.folder / "runs/killed/seed=2.incomplete").exists()  # what was killed
    assert not (sweeps.folder / "runs/killed/seed=1.incomplete").exists()


def _node(worker: psutil.Process) -> str:
    """Address of the node that started a worker."""
    words = " ".join(worker.parent().cmdline())
    return next(address for address in (HEAD, OTHER) if f"--node_ip_address={address}" in words)


def test_a_run_that_fits_on_no_node_is_told(sweeps: Sweeps) -> None:
    status, output = sweeps.run(*LONG, f"hydra.launcher.ray.remote.memory={2 * MEMORY}")

    assert status == 1
    assert output.startswith("sfmodel: no machine of the Ray cluster has 1 CPU and 6 GB for a run; ")


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    words = ["hydra/launcher=ray", f"hydra.launcher.ray.init.address={address}"]
    status, output = Sweeps(PYTHON, tmp_path, words, ENV).run(*LONG)

    assert status == 1
    assert output == (
        f"sfmodel: no Ray cluster answers at {address} (connection refused); 'ray start --head' starts one, "
        "hydra.launcher.ray.init.address=HOST:PORT names another\n"
    )
