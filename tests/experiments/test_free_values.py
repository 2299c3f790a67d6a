"""Every free value of the configuration lies in the range that is called plausible."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

from calibrate import FreeValue, free_values

from sfmodel.cli.compose import composed


@pytest.mark.parametrize("free", free_values(), ids=lambda free: free.name)
def test_the_configured_value_is_in_its_range(free: FreeValue) -> None:
    config = dict(composed(["platform=streamflow"]))
    assert free.low <= free.read(config) <= free.high
