"""Every free value of the configuration, and of every set, lies in the range that is called plausible."""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

from calibrate import FreeValue, free_values

from sfmodel.cli.compose import composed
from sfmodel.schema.files import conf_folder

SETS = sorted(path.stem for path in (conf_folder() / "platform" / "streamflow" / "sets").glob("*.yaml"))
APART = 0.1
"""Of its range, by which some value of two sets differs at least."""


@pytest.fixture(scope="module")
def configs():
    return {name: dict(composed(["platform=streamflow", f"platform/streamflow/sets={name}"])) for name in SETS}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("free", free_values(), ids=lambda free: free.name)
def test_a_value_is_in_its_range(free: FreeValue, name: str, configs) -> None:
    assert free.low <= free.read(configs[name]) <= free.high


def test_there_are_eight_beside_the_baseline() -> None:
    assert len(set(SETS) - {"baseline"}) == 8


@pytest.mark.parametrize("pair", list(combinations(SETS, 2)), ids=" ".join)
def test_two_sets_differ(pair: tuple[str, str], configs) -> None:
    one, other = (configs[name] for name in pair)
    assert any(abs(free.read(one) - free.read(other)) >= APART * (free.high - free.low) for free in free_values())
