"""Points of a sweep on a Ray cluster, composed where they run, as those of other launchers are.

Hydra's launcher for Ray composes each point where the command is given, and sends it with all of Hydra's own state: some two
seconds of that one processor for each, hours for 10,000 points, before and while a thousand others wait. Here the state is put
into Ray's store once, and a point is sent as the overrides that it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from sfmodel.cli.compose import our_ray

Shared = tuple[HydraContext, DictConfig, TaskFunction, dict[Any, Any]]
"""What all points have in common: Hydra's context, the sweep's configuration, what runs a point, Hydra's state."""


@contextmanager
def composed_there() -> Iterator[None]:
    """Within it, Hydra's launcher for Ray sends points as their overrides."""
    from hydra_plugins.hydra_ray_launcher import _core

    launch = _core.launch
    _core.launch = _launch
    try:
        yield
    finally:
        _core.launch = launch


def _launch(launcher: Any, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
    import ray
    from hydra_plugins.hydra_ray_launcher._launcher_util import start_ray

    setup_globals()
    start_ray(launcher.ray_cfg.init)
    shared = ray.put((launcher.hydra_context, launcher.config, launcher.task_function, Singleton.get_state()))
    remote: Any = OmegaConf.to_container(launcher.ray_cfg.remote)
    run = (ray.remote(**remote) if remote else ray.remote)(_run)
    sent = [run.remote(shared, list(one), initial_job_idx + k) for k, one in enumerate(job_overrides)]
    return [ray.get(one) for one in sent]


def _run(shared: Shared, overrides: list[str], number: int) -> JobReturn:
    context, config, task, state = shared
    setup_globals()
    Singleton.set_state(state)
    with our_ray():
        point = context.config_loader.load_sweep_config(config, overrides)
    with open_dict(point):
        point.hydra.job.id, point.hydra.job.num = f"job_id_for_{number}", number
    HydraConfig.instance().set_config(point)
    done = run_job(task, point, "hydra.sweep.dir", "hydra.sweep.subdir", context)
    done.cfg = done.hydra_cfg = None
    return done
