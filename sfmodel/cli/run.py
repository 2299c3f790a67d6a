"""`sfmodel run`: one run, or with -m a sweep; the words after it are Hydra's."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from sfmodel.cli.compose import CONFIG_NAME, HYDRAS_ERRORS, as_config_error, checked, quoted, to_mapping
from sfmodel.errors import ConfigError, SfmodelError
from sfmodel.results.disk import disk_errors
from sfmodel.schema.files import conf_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig

FOLDERS = (
    "hydra.run.dir=.",  # a run makes its own folder, under runs/
    "hydra.sweep.dir=runs/sweep-${now:%Y%m%d-%H%M%S}",
    "hydra.sweep.subdir=.",
    "hydra.output_subdir=null",  # a run's folder keeps its own copy, so that it is never there without its run
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
)
"""Where Hydra writes; a user's own hydra.… overrides come after these and win."""

MOST_OF_A_NAME = 100
"""Characters of the name of a sweep's job."""

_HELP = """usage: sfmodel run [-m] [key=value …]

One run. Without any key: one evening of StreamFlow AI. Your own ./conf is on
the search path.

  sfmodel run platform=chain                  another platform
  sfmodel run scenario=f4_engine_half seed=2  something goes wrong
  sfmodel run until=20:30 demand.level=1.1    any key of the configuration
  sfmodel run -m seed=1,2,3                   a sweep: every combination of
                                              comma-separated values

'sfmodel list' platforms, scenarios, parameters. Everything after 'run' is
Hydra's own syntax: -m/--multirun, --cfg job, --config-dir, hydra.launcher=…
The run's folder appears under runs/ when it is complete."""

_failures: list[SfmodelError] = []
_sweep_folders: list[Path] = []
"""Where the runs of the sweep are, from the first one on."""


def execute_raw(words: list[str]) -> int:
    """Run Hydra on these words."""
    if any(word in ("-h", "--help") for word in words):
        print(_HELP)
        return 0
    flags, overrides, folder = _split(words)
    _no_sweep_without_flag(flags, overrides)
    ready = checked(overrides, folder)
    _failures.clear()
    _sweep_folders.clear()
    try:
        _run_hydra([*flags, *FOLDERS, _fixed(ready), *ready])
    except HYDRAS_ERRORS as error:
        raise as_config_error(error) from None
    except OSError as error:  # Hydra's own files of a sweep
        with disk_errors(error.filename or "the folder for runs"):
            raise
    except KeyboardInterrupt:
        print(f"sfmodel: interrupted{_how_to_go_on() if _is_sweep(flags) else ''}", file=sys.stderr)
        return 1
    return _report_failures()


def _how_to_go_on() -> str:
    folder = _sweep_folders[0] if _sweep_folders else "…"
    return f"; runs of the sweep that had finished are kept, the same command with hydra.sweep.dir={folder} goes on from there"


def _split(words: list[str]) -> tuple[list[str], list[str], str | None]:
    """Separate Hydra's flags from its overrides; the folder is that of --config-dir."""
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    known = parser.parse_args(words)
    overrides = list(known.overrides)
    rest = list(words)
    for text in overrides:
        rest.remove(text)
    return rest, overrides, known.config_dir


def _is_sweep(flags: list[str]) -> bool:
    return any(flag in ("-m", "--multirun") for flag in flags)


def _refuse(message: str) -> NoReturn:
    raise ConfigError(f"run: {message}; see 'sfmodel run --help'")


def _no_sweep_without_flag(flags: list[str], overrides: list[str]) -> None:
    """Several values need -m: said before Hydra says it less plainly."""
    if _is_sweep(flags):
        return
    for text in overrides:
        try:
            is_sweep = OverridesParser.create().parse_overrides([text])[0].is_sweep_override()
        except HydraException as error:
            raise as_config_error(error) from None
        if is_sweep:
            raise ConfigError(
                f"'{text}' has several values; for a run of each, add -m: sfmodel run -m {' '.join(map(shlex.quote, overrides))}"
            )


def _fixed(overrides: list[str]) -> str:
    """The override that tells each job of a sweep which keys are the same in all of them, and so in none's name."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    keys = [quoted(override.key_or_group) for override in parsed if not override.is_sweep_override()]
    return f"hydra.job.config.override_dirname.exclude_keys=[{','.join(keys)}]"


def _name_in_sweep(overrides: Sequence[str], fixed: Sequence[str]) -> str:
    """Name a job of a sweep by what is its own: `seed=2`, `connections.servers=4,level=1.1`; empty: nothing is."""
    parts = []
    for text in overrides:
        key, _, value = text.lstrip("+~").partition("=")
        if key not in fixed:
            short = ".".join(key.replace("/", ".").split(".")[-2:])
            parts.append(re.sub(r"[^\w.=+@-]+", "-", "=".join(filter(None, (short, value.strip("[]{}'\" "))))))
    return ",".join(parts)[:MOST_OF_A_NAME].rstrip(".,=+@-")


def _run_hydra(words: list[str]) -> None:
    """Call Hydra's own entry point, with its exceptions instead of its printed traces."""
    arguments, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["sfmodel", *words]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        hydra.main(config_path=str(conf_folder()), config_name=CONFIG_NAME, version_base="1.3")(_task)()
    finally:
        sys.argv = arguments
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error


def _task(config: DictConfig) -> None:
    """One job of Hydra's: one run in a folder."""
    try:
        _one_run(config)
    except SfmodelError as error:
        if _in_this_process():
            _failures.append(error)
        else:
            raise


def _one_run(config: DictConfig) -> None:
    from sfmodel.running import run_to_folder

    settings = HydraConfig.get()
    chosen = Path(settings.sweep.dir if settings.mode == RunMode.MULTIRUN else settings.run.dir)
    files = {
        "config.yaml": OmegaConf.to_yaml(config),
        "overrides.yaml": OmegaConf.to_yaml(settings.overrides.task),
        "hydra.yaml": OmegaConf.to_yaml(OmegaConf.create({"hydra": settings})),
    }
    mapping, own = to_mapping(config), None
    if settings.mode == RunMode.MULTIRUN:
        fixed = settings.job.config.override_dirname.exclude_keys
        own = _name_in_sweep(settings.overrides.task, fixed)
        _sweep_folders.append(chosen)
        if mapping["name"] and "name" in fixed and own:
            mapping["name"] = f"{mapping['name']},{own}"
    run_to_folder(mapping, files, Path("runs") if chosen == Path(".") else chosen, own)


def _in_this_process() -> bool:
    """Launchers of their own run jobs elsewhere, where a noted failure would be lost."""
    settings = HydraConfig.get()
    return settings.mode != RunMode.MULTIRUN or "BasicLauncher" in settings.launcher["_target_"]


def _report_failures() -> int:
    from sfmodel.cli import complain

    told: dict[str, SfmodelError] = {str(error): error for error in _failures}
    for error in told.values():
        complain(error)
    return max((error.exit_status for error in _failures), default=0)
