"""Where the runs of a sweep run: what a launcher of Hydra's needs here, and whether its cluster is there.

Both are looked at before Hydra starts. It would answer with a trace, and Ray only after two minutes.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from hydra.core.override_parser.overrides_parser import OverridesParser

from sfmodel.cli.compose import launcher_settings
from sfmodel.cli.ray_points import composed_there
from sfmodel.errors import ConfigError, RunError

ANSWER_S = 5.0
"""Time in which a cluster must answer, s."""
SLURM_ANSWER_S = 30.0
"""The same of Slurm's controllers, which it asks one after another, s."""


@dataclass(frozen=True)
class Launcher:
    """A launcher that does not come with Hydra."""

    packages: tuple[str, ...]
    """What must be importable."""
    install: str
    """What pip is given."""


_SUBMITIT = Launcher(("hydra_plugins.hydra_submitit_launcher", "submitit"), "sfmodel[slurm]")
LAUNCHERS = {
    "joblib": Launcher(("hydra_plugins.hydra_joblib_launcher", "joblib"), "hydra-joblib-launcher"),
    "ray": Launcher(("hydra_plugins.hydra_ray_launcher", "ray"), "sfmodel[ray]"),
    "slurm": _SUBMITIT,
    "submitit_local": _SUBMITIT,
    "submitit_slurm": _SUBMITIT,
}
"""What Hydra must find before it can read the file of that name."""

BASIC, RAY, SLURM = "BasicLauncher", "RayLauncher", "SlurmLauncher"
"""Classes of launchers, which a file names by its _target_."""


def chosen(overrides: Sequence[str]) -> str:
    """Class of the launcher that the overrides ask for, by whatever file.

    Raises
    ------
    ConfigError
        It is not installed.
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    names = [str(override.value()) for override in parsed if override.key_or_group == "hydra/launcher"]
    if not names:
        return BASIC
    _check_installed(names[-1], LAUNCHERS.get(names[-1]))
    target = str(launcher_settings(overrides).get("_target_", ""))
    module, _, kind = target.rpartition(".")
    by_target = (one for one in LAUNCHERS.values() if module.startswith(one.packages[0]))
    _check_installed(names[-1], next(by_target, None))
    return kind


def _check_installed(name: str, launcher: Launcher | None) -> None:
    if launcher and not all(_is_there(package) for package in launcher.packages):
        raise ConfigError(f"hydra/launcher={name} is not installed; pip install '{launcher.install}'")


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even hydra_plugins
        return False


def meet(kind: str, overrides: Sequence[str]) -> None:
    """Meet the cluster on which a sweep will run.

    Raises
    ------
    RunError
        It is not there, or has no machine for a run.
    """
    if kind == RAY:
        _meet_ray(launcher_settings(overrides)["ray"])
    elif kind == SLURM:
        _meet_slurm()


def sends_points(kind: str) -> AbstractContextManager[None]:
    """Within it, Hydra's launcher sends each point as its overrides, to be composed where it runs; all but Ray's do anyway."""
    return composed_there() if kind == RAY else nullcontext()


# Ray


def _meet_ray(settings: Mapping[str, Any]) -> None:
    """Connect to the cluster; Hydra's launcher goes on with the connection."""
    import ray

    init, remote = settings["init"], settings["remote"]
    _listens(_address(init.get("address")))
    try:
        ray.init(**init)
    except Exception as error:
        wants_token = "InvalidAuthToken" in f"{error} {error.__cause__}"
        raise RunError(f"Ray: {_first_sentence(error)}{_HOW_TO_GIVE_A_TOKEN if wants_token else ''}") from None
    needs = {"CPU": remote.get("num_cpus") or 0, "memory": remote.get("memory") or 0}
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(has.get(key, 0) >= need for key, need in needs.items()) for has in machines):
        raise RunError(
            f"no machine of the Ray cluster has {needs['CPU']:g} CPU and {needs['memory'] / 1e9:g} GB for a run; add one, or "
            "say what a run takes: hydra.launcher.ray.remote.num_cpus=…, hydra.launcher.ray.remote.memory=…"
        )


def _address(given: str | None) -> str | None:
    """HOST:PORT of the cluster, as Ray would choose it; None where it would start one of its own."""
    from ray._private.services import get_ray_address_from_environment

    try:
        return get_ray_address_from_environment(given, None)
    except ConnectionError:
        raise RunError(f"no Ray cluster runs on this machine; {_HOW_TO_START_RAY}") from None


def _listens(address: str | None) -> None:
    if address is None or address == "local":
        return
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if not parts.hostname or not port:
        raise ConfigError(f"hydra.launcher.ray.init.address: expected HOST:PORT or auto, found '{address}'")
    try:
        socket.create_connection((parts.hostname, port), ANSWER_S).close()
    except OSError as error:
        raise RunError(
            f"no Ray cluster answers at {address} ({(error.strerror or str(error)).lower()}); {_HOW_TO_START_RAY}"
        ) from None


_HOW_TO_GIVE_A_TOKEN = (
    "; it asks for a token: set RAY_AUTH_MODE=token, with the cluster's token in RAY_AUTH_TOKEN or ~/.ray/auth_token"
)
_HOW_TO_START_RAY = "'ray start --head' starts one, hydra.launcher.ray.init.address=HOST:PORT names another"


# Slurm


def _meet_slurm() -> None:
    if shutil.which("sbatch") is None:
        raise RunError(
            "Slurm is not on this machine: there is no sbatch; give the command on a machine that submits jobs"
        )
    try:
        asked = subprocess.run(
            ["scontrol", "ping"], capture_output=True, text=True, timeout=SLURM_ANSWER_S, check=False
        )
        answer = asked.stdout + asked.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        answer = str(error)
    if " is UP" not in answer:
        said = " ".join(answer.split("\n", 1)[0].removeprefix("scontrol: ").split())
        raise RunError(f"Slurm does not answer ({said}); start slurmctld, or ask who runs the cluster")


# Afterwards


def lost(error: Exception) -> RunError | None:
    """What a cluster says of a run that it could not make, as an error of this package; None: it is none of its errors."""
    name = {"ray": "Ray", "submitit": "Slurm"}.get(type(error).__module__.split(".")[0])
    return RunError(f"{name}: {_first_sentence(error)}") if name else None


def _first_sentence(error: Exception) -> str:
    """The line that says what was wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "error:" in line]
    return (told or lines or [type(error).__name__])[0].rstrip(".")


def what_goes_on(kind: str) -> str:
    """What an interrupted sweep leaves behind on the cluster."""
    return "; jobs that Slurm has go on, squeue lists them and scancel ends them" if kind == SLURM else ""
