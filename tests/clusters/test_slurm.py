"""The same sweep under Slurm: its daemons, with two nodes of one core each on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from daemons import STARTING_S, Sweeps, daemon, free_port, until

DAEMONS = ("munged", "slurmctld", "slurmd")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_absent = [name for name in DAEMONS if shutil.which(name, path=PATH) is None]
installed = pytest.mark.skipif(
    bool(_absent) or find_spec("submitit") is None or os.geteuid() != 0,
    reason="Slurm's daemons (Debian: slurm-wlm, munge), the extra sfmodel[slurm] and root are needed",
)

CONF = """ClusterName=sfmodel
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
{nodes}
PartitionName=all Nodes=n1,n2 Default=YES State=UP MaxTime=INFINITE
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=3500"
LAUNCHER = ["hydra/launcher=slurm"]
SHORT = ("platform=chain", "scenario=mine", "seed=1,2", "until='00:01:30','00:00:10'")
LONG = ("platform=chain", "until=00:40", "window=60s", "seed=1,2")


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """The environment in which Slurm's commands find it."""
    folder, host = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp")), socket.gethostname().split(".")[0]
    (folder / "state").mkdir()
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    names = ("n1", "n2")
    nodes = "\n".join(NODE.format(name=name, host=host, port=free_port()) for name in names)
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=host, port=free_port(), folder=folder, nodes=nodes), encoding="utf-8")
    env = {"SLURM_CONF": str(conf), "PATH": PATH}
    munge = ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.socket"]
    munge += [f"--{what}-file={folder}/munge.{what}" for what in ("pid", "seed", "log")]
    try:
        with ExitStack() as stack:
            stack.enter_context(daemon(munge, folder / "munged.out", env))
            until((folder / "munge.socket").exists, STARTING_S, "munged")
            stack.enter_context(daemon(["slurmctld", "-D", "-f", str(conf)], folder / "slurmctld.out", env))
            for name in names:
                stack.enter_context(daemon(["slurmd", "-D", "-N", name, "-f", str(conf)], folder / f"{name}.out", env))
            until(lambda: _asked("sinfo -h -t idle -o %D", env) == "2", STARTING_S, "both nodes")
            yield env
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _asked(command: str, env: Mapping[str, str]) -> str:
    asked = subprocess.run(
        command.split(), capture_output=True, text=True, timeout=STARTING_S, env={**os.environ, **env}
    )
    return asked.stdout.strip()


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweeps]:
    with cluster() as env:
        yield Sweeps(Path(sys.executable), tmp_path_factory.mktemp("slurm"), LAUNCHER, env)


@installed
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
    assert set(_asked("squeue -h -t all -o %N", sweeps.env).split()) == {"n1", "n2"}


@installed
def test_a_run_whose_process_is_killed_is_made_again(sweeps: Sweeps) -> None:
    sweep = sweeps.begin(*LONG, "hydra.sweep.dir=runs/killed")
    sweeps.writer("runs/killed/seed=2").kill()
    status, output = sweeps.finish(sweep)

    assert status == 0, output
    assert sweeps.runs("runs/killed") == ["seed=1", "seed=2"]
    assert (sweeps.folder / "runs/killed/seed=2.incomplete").exists()  # what was killed
    assert not (sweeps.folder / "runs/killed/seed=1.incomplete").exists()


@installed
def test_what_sbatch_refuses_is_told(sweeps: Sweeps) -> None:
    status, output = sweeps.run(*LONG, "hydra.launcher.partition=nowhere", "hydra.sweep.dir=runs/refused")

    assert status == 1
    assert "sfmodel: Slurm: sbatch: error: " in output
    assert "invalid partition specified: nowhere" in output


@installed
def test_a_controller_that_does_not_run_is_told(tmp_path: Path) -> None:
    conf = tmp_path / "slurm.conf"
    host = socket.gethostname().split(".")[0]
    node = NODE.format(name="n1", host=host, port=free_port())
    conf.write_text(CONF.format(host=host, port=free_port(), folder=tmp_path, nodes=node), encoding="utf-8")
    status, output = Sweeps(Path(sys.executable), tmp_path, LAUNCHER, {"SLURM_CONF": str(conf)}).run(*LONG)

    assert status == 1
    assert output.startswith("sfmodel: Slurm does not answer (Slurmctld(primary) at ")
    assert len(output.splitlines()) == 1


@pytest.mark.skipif(find_spec("submitit") is None, reason="the extra sfmodel[slurm] is needed")
def test_a_machine_without_slurm_is_told(tmp_path: Path) -> None:
    status, output = Sweeps(Path(sys.executable), tmp_path, LAUNCHER, {"PATH": str(tmp_path)}).run(*LONG)

    assert status == 1
    assert output == (
        "sfmodel: Slurm is not on this machine: there is no sbatch; give the command on a machine that submits jobs\n"
    )
