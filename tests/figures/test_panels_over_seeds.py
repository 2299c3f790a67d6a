"""Curves of several replications: what is shown is chosen once, and a line is the mean over all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_run
import xarray as xr
import yaml
from small_run import OK, REJECTED, TIMEOUT, Edit, make_run

from sfmodel.figures.over_seeds import evening_and_panels
from sfmodel.figures.panel import Panel
from sfmodel.figures.panels import Lines
from sfmodel.figures.peak_hours import peak_hours
from sfmodel.figures.terminal import terminal_panels

WINDOWS = 12


def replicated(*edits: Edit, **attrs: Any) -> xr.Dataset:
    """A replication for each edit, of the seeds 1, 2, …"""
    runs = [make_run(WINDOWS, edit, **attrs).load() for edit in edits]
    seeds = list(range(1, len(runs) + 1))
    ds = xr.concat(runs, "replication", data_vars="all", coords="minimal").assign_coords(replication=seeds)
    ds.attrs = runs[0].attrs | {"replications": [{"seed": seed} for seed in seeds]}
    return ds.transpose("time", "replication", ...)


def shown(ds: xr.Dataset, **panel: Any) -> Lines | None:
    found = evening_and_panels(ds, [Panel.model_validate(panel)])[1]
    return found[0][1] if found else None


def outcomes(**counts: int) -> Edit:
    places = {"ok": OK, "timeout": TIMEOUT, "rejected": REJECTED}

    def edit(k: int, values: dict[str, Any]) -> None:
        for name, count in counts.items():
            values["users_outcomes"][0, places[name]] = count

    return edit


@pytest.mark.parametrize("first", [0, 1])
def test_a_kind_of_failure_that_a_replication_lacks_counts_as_none(first: int) -> None:
    edits = [outcomes(ok=90, timeout=10), outcomes(ok=100)]
    found = shown(replicated(edits[first], edits[1 - first]), panel="errors")
    assert list(found.lines) == ["timeout"]
    assert found.lines["timeout"] == pytest.approx(np.full(WINDOWS, 5.0))
    low, high = found.bands["timeout"]
    assert (high - low) / 2 == pytest.approx(np.full(WINDOWS, 12.706205 * 5))  # Student's t at 1 degree of freedom


def test_kinds_of_failure_are_those_of_all_replications() -> None:
    found = shown(replicated(outcomes(ok=90, timeout=10), outcomes(ok=80, rejected=20)), panel="errors")
    assert {name: values[0] for name, values in found.lines.items()} == pytest.approx({"timeout": 5, "rejected": 10})


def test_where_nothing_failed_that_is_shown() -> None:
    assert list(shown(replicated(*[outcomes(ok=9)] * 2), panel="errors").lines) == ["none failed"]


def waiting(*lengths: float) -> Edit:
    def edit(k: int, values: dict[str, Any]) -> None:
        values["station_queue"][:] = [10.0 * length for length in lengths]

    return edit


def test_the_longest_queues_are_chosen_once_by_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(small_run.LABELS, "station", [f"a.{name}" for name in "uvwxyz"])
    ds = replicated(waiting(9, 8, 7, 6, 0, 5), waiting(0, 8, 7, 6, 50, 5))
    found = shown(ds, panel="waiting")
    means = {"a.y": 25.0, "a.v": 8.0, "a.w": 7.0, "a.x": 6.0}
    assert list(found.lines) == list(means)
    assert {name: values[0] for name, values in found.lines.items()} == pytest.approx(means)
    assert set(found.bands) == set(means)


def limited(passed: int, refused: int) -> Edit:
    def edit(k: int, values: dict[str, Any]) -> None:
        values["limiter_passed"][:], values["limiter_refused"][:] = passed, refused

    return edit


def test_measures_are_of_each_replication_and_their_range_is_beside_the_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf/rows").mkdir(parents=True)
    row = {"id": "R", "title": "t", "measure": "refused", "relative_to": "early", "at_most": 2}
    rows = {"periods": {"early": ["20:00", "20:01"]}, "define": {"refused": "rate(limiter_refused)"}, "rows": [row]}
    (tmp_path / "conf/rows/shop.yaml").write_text(yaml.safe_dump(rows))
    ds = replicated(limited(50, 10), limited(50, 30), platform="shop")
    found = shown(ds, panel="measures", lines={"refused": {"rows": ["R"]}, "two": {"measure": "2"}})
    assert found.lines["refused"] == pytest.approx(np.full(WINDOWS, 2.0))
    assert found.lines["two"].tolist() == [2.0] * WINDOWS
    assert [claim.high for claim in found.claims] == [4.0]
    assert found.bands["refused"][0] == pytest.approx(np.full(WINDOWS, 2 - 12.706205))


@pytest.mark.parametrize("panel", ["demand", "response_time", "errors", "hit_rate", "limiter_use", "queue_length"])
def test_equal_replications_show_what_one_of_them_shows(panel: str) -> None:
    def edit(k: int, values: dict[str, Any]) -> None:
        outcomes(ok=90, timeout=10)(k, values)
        limited(50, 10)(k, values)
        values["users_requests"][:], values["users_retries"][:] = 100, k
        values["users_time"][0] = 50.0
        values["users_latency"][0, 100:110] = 10
        values["cache_hits"][:], values["cache_misses"][:] = 80, 20
        values["queue_length"][:] = 10.0 * k

    one, several = shown(make_run(WINDOWS, edit), panel=panel), shown(replicated(edit, edit, edit), panel=panel)
    assert list(several.lines) == list(one.lines) == list(several.bands)
    for name, values in one.lines.items():
        np.testing.assert_allclose(several.lines[name], values)
        np.testing.assert_allclose(several.bands[name], [values, values])


def test_every_panel_is_drawn() -> None:
    ds = replicated(limited(50, 10), limited(50, 30))
    assert len(peak_hours(ds).axes) >= 4
    assert "mean of seeds 1, 2" in "".join(terminal_panels(ds))
