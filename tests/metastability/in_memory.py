"""Runs of a map in this process, each from its own beginning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sfmodel.cli.metastability import _configured
from sfmodel.metastability import Known, design_of
from sfmodel.metastability.design import MapDesign
from sfmodel.metastability.mapping import map_until
from sfmodel.metastability.runs import MapRuns
from sfmodel.running import run_in_memory


class InMemory(MapRuns):
    """Makes runs without folders or processes."""

    made: list[Any]

    def _made(self, wanted: Sequence[Any]) -> Iterator[tuple[Any, str | None]]:
        self.made = [*getattr(self, "made", []), *wanted]
        yield from ((one, None) for one in wanted)

    def _opened(self, wanted: Any) -> Any:
        return run_in_memory({**self.mapping(wanted), "forks": [], "name": None})


def mapped(
    changes: Sequence[str] = ("none",), seeds: int = 2, depth: int = 0, **of_design: Any
) -> tuple[Known, MapDesign, InMemory]:
    """The map of the planted platform in the working directory's conf/."""
    design = design_of("planted").model_copy(update=of_design)
    known = Known(list(changes))
    runs = InMemory(design, _configured(["platform=planted"], design.load.key), Path("runs"), 1, math.inf)
    failed: Mapping[Any, str] = map_until(design, known, runs, lambda one, reason: None, seeds, depth)
    assert not failed
    return known, design, runs
