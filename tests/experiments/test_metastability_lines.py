"""The lines that experiments/metastability.py writes are what a map holds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from sfmodel.metastability import Cell, Job, Known, MapDesign, Outcome, State, map_dataset


@pytest.fixture(scope="module")
def program() -> ModuleType:
    path = Path(__file__).parents[2] / "experiments/metastability.py"
    spec = importlib.util.spec_from_file_location("metastability_experiment", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_line_for_each_cell_that_has_run(program: ModuleType) -> None:
    trigger = {"grow": ["demand.level"], "sizes": ["50 %"], "durations": ["60 s", "120 s"]}
    design = MapDesign.model_validate({"load": {"levels": [1, 2]}, "trigger": trigger})
    known = Known(["none"])
    known.tell(Job("none", Cell(1, 0.5, 60), 1), Outcome(State.RECOVERED, 20.0))
    known.tell(Job("none", Cell(1, 0.5, 60), 2), Outcome(State.NOT_RECOVERED))
    known.tell(Job("none", Cell(2, 0.5, 120), 1), Outcome(State.DOWN_BY_ITSELF))
    found = {(line[1], line[3]): line[4:] for line in program.lines(map_dataset(known, design))}
    assert set(found) == {(1.0, 60.0), (2.0, 120.0)}
    # not run, recovered, not within the horizon, down by itself; 1 − √0.975 to √0.975 (Clopper and Pearson);
    # the median is reached with the first
    assert found[1.0, 60.0] == [0, 1, 1, 0, "0.5", "0.01258", "0.9874", "20"]
    assert found[2.0, 120.0] == [1, 0, 0, 1, "", "", "", ""]
