"""Quarters of an hour of the peak and of the scenarios, on 50 million users, each scenario beside its paired run.

They are parts of what `make figures` measures whole, over seeds. Of the peak a quarter of an hour shows only the figures
that do not breathe with the demand from minute to minute; of a scenario only what shows within twelve minutes of its
trigger, which is less than the row asks for. Six hours of simulated time, a minute of a core each.
"""

from __future__ import annotations

from functools import cache

import pytest
import xarray as xr

from sfmodel.cli.compose import composed
from sfmodel.results.measures import run_end_s
from sfmodel.rows import Measured, Rows, measure_rows, read_rows
from sfmodel.rows.files import named_files, platform_file
from sfmodel.rows.table import judged
from sfmodel.running import run_in_memory
from sfmodel.stories import teller

NORMAL = ("17:57", "18:12")
PEAK = ("20:28", "20:43")
STEADY = ("P1", "P7", "P8", "P9", "P10.lookup", "P12.cpu", "P13", "P14")


@cache
def quarter(times: tuple[str, str], scenario: str = "none") -> xr.Dataset:
    start, until = times
    warmup = "45 min" if times == PEAK else "20 min"  # a platform that is near its limit remembers how it came there
    words = [f"start={start}", f"until={until}", f"scenario={scenario}", f"warmup={warmup}", "trace.one_in=0"]
    return run_in_memory(composed(words))


def within(rows: Rows, ds: xr.Dataset) -> Rows:
    """The rows, with the part of each period that was simulated."""
    start_s, end_s = float(ds.time[0]), run_end_s(ds)
    cut = {name: (max(low, start_s), min(high, end_s)) for name, (low, high) in rows.periods.items()}
    simulated = {name: ends for name, ends in cut.items() if ends[0] < ends[1]}
    return rows.model_copy(update={"periods": {**rows.periods, **simulated}})


def lacking(measured: dict[str, Measured]) -> list[str]:
    return [f"{name}: {one.value}" for name, one in judged(measured).items() if one.met is not True]


def test_steady_figures_of_the_peak() -> None:
    ds = quarter(PEAK)
    rows = within(read_rows(platform_file("rows", "streamflow")), ds)
    assert not lacking(measure_rows(ds, rows, rows.only(STEADY)))


@pytest.mark.parametrize(
    ("scenario", "times", "only"),
    [
        ("f1_llm_rate_limit", NORMAL, ("F1.steps", "F1.refused", "F1.users")),
        ("f2_vector_timeout", NORMAL, ("F2",)),
        ("f5_auth_slow", NORMAL, ("F5",)),
        ("f4_engine_half", PEAK, ("F4.steps", "F4.queue", "F4.rejected", "F4.retries", "F4.failures")),
    ],
)
def test_a_scenario_shows_its_figures(scenario: str, times: tuple[str, str], only: tuple[str, ...]) -> None:
    ds, beside = quarter(times, scenario), quarter(times)
    rows = within(read_rows(named_files("rows", "streamflow")[scenario]), ds)
    assert not lacking(measure_rows(ds, rows, rows.only(only), base=beside, told=teller(ds, beside)))
