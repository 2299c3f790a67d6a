"""A failure mode as a scenario file that anyone can run: what it breaks, and how to run it, stand above its events."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from sfmodel.failure_modes.modes import Mode
from sfmodel.failure_modes.trials import Setting
from sfmodel.failure_modes.words import objective_in_words, said_of
from sfmodel.results.disk import disk_errors

GROUP = "scenario"
"""Folder of the files, below one that is named by --config-dir."""
_WIDTH = 120
_SET_HERE = ("start", "until", "seed", "scenario", "forks")
"""Keys that the command says itself."""


def scenario_name(rank: int, mode: Mode) -> str:
    """Name of a mode's file."""
    words = "_".join(f"{fault.place.thing} {fault.place.how}" for fault in mode.trigger.faults)
    return f"mode_{rank:02d}_{re.sub(r'[^A-Za-z0-9]+', '_', words).lower().strip('_')}"


def write_scenario(folder: Path, name: str, mode: Mode, setting: Setting, limit: float, words: Sequence[str]) -> Path:
    """Write the file of a mode into a folder for --config-dir.

    Parameters
    ----------
    folder
        The folder; the file is `scenario/NAME.yaml` in it.
    name
        Name of the scenario.
    mode
        What is written.
    setting
        What was tried to break.
    limit
        Excess that breaks the objective.
    words
        Overrides that all runs had.
    """
    path = folder / GROUP / f"{name}.yaml"
    with disk_errors(path.parent, "another folder"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(scenario_text(folder, name, mode, setting, limit, words), encoding="utf-8")
    return path


def scenario_text(folder: Path, name: str, mode: Mode, setting: Setting, limit: float, words: Sequence[str]) -> str:
    """The file of a mode."""
    import yaml  # type: ignore[import-untyped]

    scenario, sources = setting.scenario(mode.trigger), mode.trigger.sources(setting.at)
    written: dict[str, Any] = {"scenario": scenario, "platform": {"sources": sources}} if sources else scenario
    command = " ".join(map(shlex.quote, run_words(folder, name, setting, words)))
    about = f"{objective_in_words(setting.objective)}. {said_of(mode, setting, limit)}"
    header = [*(["# @package _global_"] if sources else []), *(f"# {line}" for line in wrap(about, _WIDTH - 2))]
    lines = [*header, f"#   {command}", "# Beside it stands the same with scenario=none."]
    return "\n".join(lines) + "\n" + yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=_WIDTH)


def run_words(folder: Path, name: str, setting: Setting, words: Sequence[str]) -> list[str]:
    """The command that runs the file as it was found, on the first seed."""
    own = [word for word in words if word.lstrip("+").partition("=")[0] not in _SET_HERE]
    start_s = float(str(setting.config["start"]).removesuffix(" s"))
    times = [f"start={start_s:g}s", f"until={setting.until_s:g}s", f"seed={setting.seeds[0]}"]
    return ["sfmodel", "run", "--config-dir", str(folder), *own, *times, f"scenario={name}"]
