"""`sfmodel run`: one run, or with -m a sweep; the words after it are Hydra's."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from sfmodel.cli import compose, launchers, sweep
from sfmodel.cli.compose import (
    CONFIG_NAME,
    HYDRAS_ERRORS,
    as_config_error,
    checked,
    composed_before,
    our_ray,
    quoted,
    to_mapping,
)
from sfmodel.cli.fresh_folder import fresh_folder
from sfmodel.errors import ConfigError, RunError, SfmodelError
from sfmodel.results.disk import disk_errors
from sfmodel.schema.files import conf_folder
from sfmodel.sweeps import find_sweep, point_of, recorded_sweep

if TYPE_CHECKING:
    from omegaconf import DictConfig

FOLDERS = (
    "hydra.run.dir=.",  # a run makes its own folder, under runs/
    "hydra.sweep.subdir=.",
    "hydra.output_subdir=null",  # a run's folder keeps its own copy, so that it is never there without its run
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
)
"""Where Hydra writes; a user's own hydra.… overrides come after these and win."""

_failures: list[SfmodelError] = []
"""Of the one run: what is raised through Hydra it tells in words of its own."""

_HELP = """usage: sfmodel run [-m] [key=value …]

One run. Without any key: one evening of StreamFlow AI. Your own ./conf is on
the search path.

  sfmodel run platform=chain                  another platform
  sfmodel run scenario=f4_engine_half seed=2  something goes wrong
  sfmodel run until=20:30 demand.level=1.1    any key of the configuration
  sfmodel run -m seed=1,2,3                   a sweep: every combination of
                                              comma-separated values
  sfmodel run resume=runs/sweep-…             go on with a sweep: only what is
                                              not finished runs

'sfmodel list' platforms, scenarios, parameters. Everything after 'run' is
Hydra's own syntax: -m/--multirun, --cfg job, --config-dir, hydra.launcher=…
The run's folder appears under runs/ when it is complete."""


def execute_raw(words: list[str]) -> int:
    """Run Hydra on these words."""
    if any(word in ("-h", "--help") for word in words):
        print(_HELP)
        return 0
    words, resumed = _resumed(words)
    flags, overrides, folder = _split(words)
    _no_sweep_without_flag(flags, overrides)
    ready = checked(overrides, folder)
    if _is_sweep(flags):
        return _sweep(words, flags, ready, folder, resumed or _chosen_folder(ready))
    _failures.clear()
    with _hydras_errors():
        try:
            _run_hydra([*flags, *FOLDERS, *ready])
        except KeyboardInterrupt:
            print("sfmodel: interrupted", file=sys.stderr)
            return 1
    if _failures:
        raise _failures[0]
    return 0


def _sweep(words: list[str], flags: list[str], ready: list[str], folder: str | None, chosen: Path | None) -> int:
    """Run all points of a sweep that are not there; the exit status."""
    launcher = launchers.chosen(ready)
    launchers.meet(launcher, ready)
    jobs = compose.jobs(ready, folder)
    planned = sweep.plan(words, jobs) if jobs else None
    root = chosen or fresh_folder("sweep")
    if planned is not None:
        sweep.begin(planned, root, partial(compose.first_job, folder=folder))
    sweep.forget_failures(root)
    hydras = [*flags, *FOLDERS, _fixed(ready), *ready, f"hydra.sweep.dir={quoted(str(root.absolute()))}"]
    with _hydras_errors():
        try:
            with launchers.sends_points(launcher):
                sweep.until_no_process_dies(lambda: _run_hydra(hydras))
        except KeyboardInterrupt:
            goes_on = launchers.what_goes_on(launcher)
            print(f"sfmodel: interrupted; {_how_to_go_on(root)}{goes_on}", file=sys.stderr)
            return 1
        except SfmodelError as error:  # one that could not be recorded, such as of a full disk
            _report_failures(root)
            raise RunError(f"{str(error).rstrip('.')}. Then sfmodel run resume={root} goes on from there.") from None
        except Exception as error:
            told = launchers.lost(error)
            if told is None:
                raise
            _report_failures(root)
            raise RunError(f"{told}; {_how_to_go_on(root)}") from None
    status = _report_failures(root)
    if planned is not None:
        print(sweep.report(root, planned))
    return status


@contextmanager
def _hydras_errors() -> Iterator[None]:
    try:
        yield
    except HYDRAS_ERRORS as error:
        raise as_config_error(error) from None
    except OSError as error:  # Hydra's own files of a sweep
        with disk_errors(error.filename or "the folder for runs"):
            raise


def _resumed(words: list[str]) -> tuple[list[str], Path | None]:
    """Take resume=FOLDER out; without any key beside it, the words are those of the sweep. Hydra's own keys may differ."""
    named = [word.partition("=")[2].strip("'\"") for word in words if word.startswith("resume=")]
    if not named:
        return words, None
    root = find_sweep(named[-1])
    rest = [word for word in words if not word.startswith("resume=")]
    own = [word for word in rest if not word.startswith(("hydra.", "hydra/", "~hydra.", "-"))]
    if own:
        return [*rest, *([] if _is_sweep(rest) else ["-m"])], root
    recorded = recorded_sweep(root)
    replaced = {word.partition("=")[0] for word in rest}
    # settings of one launcher are not another's
    others = tuple("hydra.launcher." for word in rest if word.startswith("hydra/launcher="))
    kept = [word for word in recorded.words if word.partition("=")[0] not in replaced and not word.startswith(others)]
    return [*kept, *rest], root


def _chosen_folder(overrides: Sequence[str]) -> Path | None:
    """Where the runs of a sweep are to be; none: it does not say."""
    chosen = [text.partition("=")[2].strip("'\"") for text in overrides if text.startswith("hydra.sweep.dir=")]
    return Path(chosen[-1]) if chosen else None


def _how_to_go_on(folder: Path) -> str:
    return f"runs of the sweep that had finished are kept, sfmodel run resume={folder} goes on from there"


def _split(words: list[str]) -> tuple[list[str], list[str], str | None]:
    """Separate Hydra's flags from its overrides; the folder is that of --config-dir."""
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    known = parser.parse_intermixed_args(words)
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


def _run_hydra(words: list[str]) -> None:
    """Call Hydra's own entry point, with its exceptions instead of its printed traces."""
    arguments, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["sfmodel", *words]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        with our_ray(), composed_before():
            hydra.main(config_path=str(conf_folder()), config_name=CONFIG_NAME, version_base="1.3")(_task)()
    finally:
        sys.argv = arguments
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error


def _task(config: DictConfig) -> None:
    """One job of Hydra's: one run in a folder."""
    settings = HydraConfig.get()
    files = {
        "config.yaml": OmegaConf.to_yaml(config),
        "overrides.yaml": OmegaConf.to_yaml(settings.overrides.task),
        "hydra.yaml": OmegaConf.to_yaml(OmegaConf.create({"hydra": settings})),
    }
    if settings.mode != RunMode.MULTIRUN:
        folder = Path(settings.run.dir)
        try:
            _run(config, files, Path("runs") if folder == Path(".") else folder)
        except SfmodelError as error:
            _failures.append(error)
        return
    one_after_another = "BasicLauncher" in settings.launcher["_target_"]
    folder, overrides = sweep.entered(settings), list(settings.overrides.task)
    fixed = settings.job.config.override_dirname.exclude_keys
    own = point_of(overrides, fixed).name
    if not one_after_another:
        sweep.end_with_parent()
    with sweep.recorded(folder, own, overrides), nullcontext() if one_after_another else sweep.in_few_words(own):
        _run(config, files, folder, own)


def _run(config: DictConfig, files: Mapping[str, str], root: Path, own: str | None = None) -> None:
    """Simulate; in a sweep `own` is the name of the point."""
    from sfmodel.running import run_to_folder

    mapping = to_mapping(config)
    if mapping["name"] and own:
        mapping["name"] = own
    run_to_folder(mapping, files, root, own)


def _report_failures(folder: Path) -> int:
    """Say what failed, each reason once with the runs that it befell; the exit status."""
    failed = sweep.failures(folder)
    reasons: dict[tuple[str, int], list[str]] = {}
    for one in failed:
        reasons.setdefault((one.error, one.exit_status), []).append(one.name)
    for (error, status), names in reasons.items():
        for line in error.splitlines():
            print(f"sfmodel: {line}", file=sys.stderr)
        again = f"; sfmodel run resume={folder} makes them again" if status == RunError.exit_status else ""
        print(f"sfmodel: failed so: {', '.join(names)}, in {folder}{again}", file=sys.stderr)
    return max((one.exit_status for one in failed), default=0)
