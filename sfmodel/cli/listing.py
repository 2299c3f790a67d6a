"""What there is: parameters with unit, default and reason; mechanisms; measures; platforms, demands, scenarios; stories and
paths; runs.

Defaults of parameters are those of the language; of a run's own keys (start, until, warmup …) those of conf/config.yaml.
A platform may bring others: 'sfmodel run platform=NAME --cfg job' prints what it comes to.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sfmodel.errors import ConfigError, SfmodelError, nearest

GROUPS = {"platforms": "platform", "demands": "demand", "scenarios": "scenario", "interventions": "intervention"}
HEADS = {
    "parameters": ("KEY", "WHAT IS WRITTEN", "DEFAULT", "MEANING"),
    "stories": ("NAME", "PLATFORM", "SCENARIO", "TITLE"),
    "paths": ("NAME", "PLATFORM", "SCENARIO", "TITLE"),
    "runs": ("NAME", "PLATFORM", "SEED", "HOURS", "SCENARIO"),
}
OURS = "For platform=streamflow."
"""Of the interventions that come with sfmodel."""
WHAT = ("parameters", "mechanisms", "measures", *GROUPS, "stories", "paths", "runs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("what", nargs="?", help=", ".join(WHAT))
    parser.add_argument("filter", nargs="?", default="", help="only what contains this word")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")


def execute(arguments: argparse.Namespace) -> int:
    """Print one list."""
    what, word = arguments.what, arguments.filter.lower()
    if what is None:
        raise ConfigError(f"list: say what to list: {', '.join(WHAT)}")
    if what not in WHAT:
        raise ConfigError(f"list: there is no list of '{what}'; {nearest(what, WHAT)}")
    rows = _runs(arguments.runs) if what == "runs" else _rows(what)
    shown = [row for row in rows if word in " ".join(row).lower()]
    if not shown:
        raise ConfigError(f"list {what}: nothing contains '{arguments.filter}'")
    _print([HEADS[what], *shown] if what in HEADS else shown)
    return 0


def _rows(what: str) -> list[tuple[str, ...]]:
    if what == "parameters":
        from sfmodel.schema.catalogue import parameters

        defaults = _defaults_of_a_run()
        return [(key, kind, defaults.get(key, default), meaning) for key, kind, default, meaning in parameters()]
    if what == "mechanisms":
        from sfmodel.schema.catalogue import mechanisms

        return mechanisms()
    if what == "measures":
        from sfmodel.rows.functions import FUNCTIONS

        return [(f"{name}({function.written})", function.about) for name, function in FUNCTIONS.items()]
    if what == "stories":
        from sfmodel.stories import read_stories

        return _told("stories", lambda path: read_stories(path).stories)
    if what == "paths":
        from sfmodel.paths import read_paths

        return _told("paths", read_paths)
    return _group(GROUPS[what])


def _told(kind: str, read: Callable[[Path], Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Stories or paths of every platform: name, platform, scenario in which they are met, title."""
    from sfmodel.rows.files import named_files

    return [
        (name, platform, one.scenario or "any", one.title)
        for platform, path in named_files(kind).items()
        for name, one in read(path).items()
    ]


def _runs(root: Path) -> list[tuple[str, ...]]:
    """Finished runs, the newest first, then those that are not: name, platform, seeds, hours, scenario with interventions."""
    from sfmodel.clock import clock
    from sfmodel.results.folder import finished_runs, open_run, unfinished_runs
    from sfmodel.results.replications import seeds_of, written_seeds
    from sfmodel.stories.pair import scenario_title

    rows: list[tuple[str, ...]] = []
    for folder in [*reversed(finished_runs(root)), *reversed(unfinished_runs(root))]:
        name = str(folder.relative_to(root))
        try:
            ds = open_run(folder)
        except SfmodelError as error:
            rows.append((name, "–", "–", "–", str(error).splitlines()[0]))
            continue
        hours = f"{clock(float(ds['time'].values[0]))}–{clock(float(ds.attrs['until_s']))}" if ds.sizes["time"] else "–"
        changed = [scenario_title(ds.attrs), *map(str, ds.attrs.get("interventions") or [])]
        found = (name, str(ds.attrs.get("platform")), written_seeds(seeds_of(ds)), hours)
        rows.append((*found, ", ".join(filter(None, changed)) or "–"))
    if not rows:
        raise ConfigError(f"list runs: there is none in {root}; make one with 'sfmodel run'")
    return rows


def _defaults_of_a_run() -> dict[str, str]:
    """What conf/config.yaml says of the keys of a run, by dotted key; what it leaves open is left out."""
    from omegaconf import OmegaConf

    from sfmodel.schema.files import conf_folder

    written: Any = OmegaConf.to_container(OmegaConf.load(conf_folder() / "config.yaml"))
    defaults: dict[str, str] = {}
    for key, value in written.items():
        below = value.items() if isinstance(value, dict) else [("", value)]
        defaults |= {f"{key}.{name}".rstrip("."): str(found) for name, found in below if found is not None}
    return defaults


def _group(group: str) -> list[tuple[str, ...]]:
    """Name and first comment of each file of a config group, and the parameters of an intervention."""
    from sfmodel.cli.compose import options, user_folder
    from sfmodel.schema.files import conf_folder

    rows: list[tuple[str, ...]] = []
    for name in options(group):
        folders = [folder for folder in (conf_folder(), user_folder()) if folder is not None]
        path = next((f / group / f"{name}.yaml" for f in folders if (f / group / f"{name}.yaml").is_file()), None)
        text = path.read_text(encoding="utf-8") if path else ""
        written = _written(text)
        about = [_first_comment(text) or _title(written.get(group, written))]
        if group == "intervention":
            about += [_parameters(written), OURS if path and conf_folder() in path.parents else ""]
        rows.append((name, " ".join(filter(None, about))))
    return rows


def _first_comment(text: str) -> str:
    """The comment at the head of a file as one line."""
    words: list[str] = []
    for line in text.splitlines():
        if line.startswith(("# @package", "# yaml-language-server")):
            continue
        if not line.startswith("#") or (line.strip() == "#" and words):
            break
        words += line.lstrip("#").split()
    return " ".join(words)


def _written(text: str) -> dict[str, Any]:
    """What a file holds; nothing where it cannot be read, which what uses it says."""
    import yaml  # type: ignore[import-untyped]

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _title(written: Any) -> str:
    """The title that a file gives itself, as a sentence."""
    title = written.get("title") if isinstance(written, dict) else None
    return f"{title}." if title else ""


def _parameters(written: dict[str, Any]) -> str:
    """What can be set of an intervention, with its values, as one sentence; nothing where it is another file."""
    from sfmodel.schema.interventions import Intervention

    if "changes" not in written:
        return ""
    named = [
        f"{name} ({json.dumps(value, ensure_ascii=False).strip(chr(34))})"
        for name, value in written.items()
        if name not in Intervention.model_fields
    ]
    takes = f"Takes {written['effort']}, is undone in {written['undo']}." if {"effort", "undo"} <= set(written) else ""
    return " ".join(filter(None, [f"Parameters: {', '.join(named)}." if named else "", takes]))


def _print(rows: list[tuple[str, ...]]) -> None:
    """Print a line for each row; in a terminal where that is too long, what is last in it below the rest or beside it."""
    from sfmodel.console import stdout

    console = stdout()
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    hang = sum(widths) + 2 * len(widths)
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        line = "  ".join([*cells, row[-1]]).rstrip()
        if not console.is_terminal:
            print(line)
        elif hang <= console.width // 2:
            print(textwrap.fill(line, console.width, subsequent_indent=" " * hang, break_on_hyphens=False))
        else:
            print(textwrap.fill("  ".join(filter(None, row[:-1])), console.width, subsequent_indent="      "))
            print(textwrap.indent(textwrap.fill(row[-1], console.width - 4), "    "))
