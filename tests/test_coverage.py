"""docs/coverage.md: everything that it names exists, and it counts right."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sfmodel.cli.compose import composed
from sfmodel.plan.build import Plan, build_plan
from sfmodel.results.variables import VARIABLES
from sfmodel.running import checked
from sfmodel.schema.keys import is_model, place_at
from sfmodel.schema.labels import parts_of, with_numbers

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "coverage.md"
STATES = ("yes", "partly", "no")
OF_A_RUN = ("edge_from", "edge_to")
COMMANDS = ("summary", "story", "trace", "plot", "figures", "lint", "diagnose", "alerts")

Line = tuple[str, str, str, str, str]


def lines() -> list[Line]:
    """Covered, statement, configuration, result, shown by."""
    found = [tuple(cell.strip() for cell in line.strip("|\n").split(" | ")) for line in PAGE.read_text().splitlines()]
    return [cells for cells in found if len(cells) == 5 and cells[0].strip("| ") in STATES]  # type: ignore[misc]


@cache
def config() -> dict[str, Any]:
    return dict(composed(["platform=streamflow"]))


@cache
def plan() -> Plan:
    return build_plan(checked(config()))


@cache
def rows() -> tuple[str, ...]:
    files = [ROOT / "conf/rows/streamflow.yaml", *(ROOT / "conf/rows/streamflow").glob("*.yaml")]
    return tuple(row["id"] for file in files for row in yaml.safe_load(file.read_text())["rows"])


def faults(line: Line) -> Iterator[str]:
    """What a line names that does not exist."""
    _, _, key, result, shown = line
    yield from _key_faults(key.strip("`"))
    yield from _result_faults(result)
    for name in shown.split(", "):
        yield from _witness_faults(name)


def _key_faults(key: str) -> Iterator[str]:
    run_keys = ("demand", "scenario", "intervention", "window", "trace", "platform")
    try:
        parts = with_numbers(key.split("."), config()) if key.split(".")[0] in run_keys else parts_of(key, config())
        exists = all(_is_there(parts[:length]) for length in range(1, len(parts) + 1))
    except Exception as error:
        yield f"configuration {key}: {error}"
    else:
        if not exists:
            yield f"configuration {key}: there is no such key"


def _is_there(parts: list[str]) -> bool:
    """Whether the language has this key and, where it is a name (of a service, a station, a step …), the platform."""
    above, place = place_at(parts[:-1], config()), place_at(parts, config())
    named = len(parts) > 1 and above is not None and not is_model(above.model)
    return place is not None and not (named and place.written is None)


def _result_faults(result: str) -> Iterator[str]:
    if result.startswith("counter "):
        if result.removeprefix("counter ").strip("`") not in config()["platform"]["counters"]:
            yield f"result {result}: there is no such counter"
        return
    match = re.fullmatch(r"`(\w+)(?:\[(.+)\])?`", result)
    if match is None or match[1] not in (*VARIABLES, *OF_A_RUN):
        yield f"result {result}: there is no such variable"
    elif match[2] and match[2] not in plan().labels[VARIABLES[match[1]].dims[0]]:
        yield f"result {result}: there is no such label"


def _witness_faults(name: str) -> Iterator[str]:
    kind, _, what = name.rpartition(" ")
    what = what.strip("`")
    if name.startswith("`sfmodel "):
        exists = what in COMMANDS
    elif kind in ("story", "path"):
        file = {"story": "stories", "path": "paths"}[kind]
        exists = what in yaml.safe_load((ROOT / f"conf/{file}/streamflow.yaml").read_text())[file]
    elif kind in ("scenario", "intervention"):
        exists = (ROOT / f"conf/{kind}/{what}.yaml").exists()
    elif what.startswith("tests/"):
        file, _, function = what.partition("::")
        exists = (ROOT / file).exists() and (not function or function in _functions(ROOT / file))
    else:
        exists = any(row == what or fnmatchcase(row, f"{what}.*") for row in rows())
    if not exists:
        yield f"shown by {name}: there is none"


def _functions(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_everything_that_the_page_names_exists() -> None:
    assert len(lines()) > 80
    assert not [fault for line in lines() for fault in faults(line)]


def test_the_page_counts_its_lines() -> None:
    counts = [sum(line[0].strip("| ") == state for line in lines()) for state in STATES]
    assert "**{} statements are covered, {} partly, {} not.**".format(*counts) in PAGE.read_text()


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (2, "`services.engine.stations.cpus.servers`"),
        (2, "`services.engine.endpoints.recommend.steps.models.time`"),
        (3, "`station_busyness[engine.cpu]`"),
        (3, "`station_busy[engine.gpu]`"),
        (3, "counter `llm_costs`"),
        (4, "`P99`"),
        (4, "story `llm_cascades`"),
        (4, "path `unhappy`"),
        (4, "scenario `f9`"),
        (4, "intervention `prayer`"),
        (4, "`sfmodel guess`"),
        (4, "`tests/system/test_traps.py::test_nothing`"),
    ],
)
def test_a_dead_reference_is_found(place: int, wrong: str) -> None:
    line = ["yes", "s", "`services.engine.stations.cpu.servers`", "`station_busy[engine.cpu]`", "`P12`"]
    assert not list(faults(tuple(line)))  # type: ignore[arg-type]
    line[place] = wrong
    assert len(list(faults(tuple(line)))) == 1  # type: ignore[arg-type]
