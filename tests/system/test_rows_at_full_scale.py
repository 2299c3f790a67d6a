"""The case study's figures for normal hours, on 50 million users: a quarter of an hour in place of three hours.

The warm-up is long enough for the longest sessions. The whole table, peak and scenarios included, is `make figures`.
"""

from __future__ import annotations

import re

import pytest
import xarray as xr
from test_coverage import lines

from sfmodel.cli.compose import composed
from sfmodel.rows import Measured, measure_rows, read_rows
from sfmodel.rows.files import platform_file
from sfmodel.running import run_in_memory

NORMAL = (16 * 3600.0, 16.25 * 3600.0)
NEED_TRACES = ("N6.total", "N6.validate", "N6.profile", "N6.cache")


@pytest.fixture(scope="module")
def quarter() -> xr.Dataset:
    return run_in_memory(composed(["start=16:00", "warmup=31 min", "until=16:15", "trace.one_in=0"]))


@pytest.fixture(scope="module")
def measured(quarter: xr.Dataset) -> dict[str, Measured]:
    rows = read_rows(platform_file("rows", "streamflow"))
    rows = rows.model_copy(update={"periods": {**rows.periods, "normal": NORMAL}})
    return measure_rows(quarter, rows, rows.only(("N*",)))


def test_every_figure_of_normal_hours(measured: dict[str, Measured]) -> None:
    assert {name for name, one in measured.items() if one.value is None} == set(NEED_TRACES)
    assert not [f"{name}: {one.value:.4g}" for name, one in measured.items() if one.met is False]


def test_there_are_fifteen_of_them(measured: dict[str, Measured]) -> None:
    assert {name.partition(".")[0] for name in measured} == {f"N{n}" for n in range(1, 16)}


def test_what_the_services_are_for_is_done(quarter: xr.Dataset) -> None:
    """Each variable that docs/coverage.md names beside this test counts something."""
    named = [result.strip("`") for *_, result, shown in lines() if "test_what_the_services_are_for_is_done" in shown]
    assert len(named) > 10
    assert not [name for name in named if not amount(quarter, name) > 0]


def amount(ds: xr.Dataset, named: str) -> float:
    match = re.fullmatch(r"(\w+)\[(.+)\]", named)
    assert match is not None
    values = ds[match[1]]
    return float(values.sel({values.dims[1]: match[2]}).sum())
