"""The operational laws hold in runs, also in random ones with every mechanism, and do not in data that were changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from reference.platforms import run as generated
from small_run import make_run

from sfmodel.diagnosis.laws import LawCheck, operational_laws
from sfmodel.diagnosis.profile_tables import laws_sentence
from sfmodel.diagnosis.scripts import scripts_of
from sfmodel.diagnosis.timelines import Traces
from sfmodel.diagnosis.use_red import stations_use
from sfmodel.errors import NotInRunError, SfmodelError

from .traced import traced

PLATFORMS = 16


def queue(servers: int, used: float, rate: float = 50.0, **station: Any) -> dict[str, Any]:
    """An M/M/c queue used so much, behind a service whose workers are held meanwhile; six minutes, from empty."""
    shop = {
        "stations": {"cpu": {"servers": servers, **station}},
        "endpoints": {"do": {"steps": [{"use": "cpu", "time": {"exponential": f"{servers * used / rate} s"}}]}},
    }
    web = {
        "stations": {"workers": {"servers": 1000}},
        "endpoints": {"do": {"hold": "workers", "steps": [{"call": "shop.do"}]}},
    }
    return {
        "platform": {
            "name": "queue", "network": "2 ms", "services": {"web": web, "shop": shop},
            "sources": {"visits": {"call": "web.do", "rate": f"{rate}/s"}},
        },
        "start": "0 s", "until": "360 s", "window": "10 s",
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[xr.Dataset, Traces]:
    """An M/M/2 queue that is used 80 %, and its traces."""
    ds, spans = traced(queue(2, 0.8), tmp_path_factory.mktemp("laws"))
    return ds, Traces(spans, scripts_of(ds))


def broken(found: list[LawCheck]) -> set[tuple[str, str]]:
    return {(one.law, one.of) for one in found if not one.holds}


def test_every_law_is_looked_at(run: tuple[xr.Dataset, Traces]) -> None:
    found = operational_laws(*run)
    assert not broken(found)
    assert {(one.law, one.of) for one in found if one.law != "flow balance"} == {
        ("L = X·W, queue", "web.workers"), ("L = X·W, queue", "shop.cpu"), ("L = X·W, held", "web.workers"),
        ("U = X·S, held", "web.workers"), ("R = ΣV·R", "web"), ("R = ΣV·R", "shop"), ("X = V·X₀", "shop.do"),
        ("U = X·S, traced", "shop"),
    }  # fmt: skip


def test_work_of_which_nothing_is_traced_says_nothing_of_what_is(tmp_path: Path) -> None:
    """The shop writes what it is sent in batches, which belong to no request; collecting alone takes no time of the disk."""
    shop = {
        "stations": {"disk": {"servers": 4}},
        "queues": {"clicks": {"handler": "write", "consumers": 2, "batch": 1000, "linger": "1 min"}},
        "endpoints": {
            "collect": {"steps": [{"publish": "shop.clicks"}]},
            "write": {"steps": [{"use": "disk", "time": "1 s"}]},
        },
    }
    mapping = queue(2, 0.5)
    mapping["platform"]["services"]["shop"] = shop
    mapping["platform"]["services"]["web"]["endpoints"]["do"]["steps"] = [{"call": "shop.collect"}]
    ds, spans = traced(mapping, tmp_path, one_in=100)
    assert "write" not in spans["endpoint"].to_list()
    found = operational_laws(ds, Traces(spans, scripts_of(ds)))
    assert not broken(found)
    assert ("U = X·S, traced", "shop") not in {(one.law, one.of) for one in found}


@pytest.mark.parametrize(
    ("servers", "used", "station"),
    [
        (1, 0.3, {}),
        (1, 0.95, {"order": "lifo"}),
        (2, 1.5, {}),
        (2, 1.5, {"queue": 5}),
        (4, 1.2, {"patience": "200 ms"}),
        (4, 1.2, {"codel": {}}),
    ],
)
def test_they_hold_of_queues_of_every_kind(servers: int, used: float, station: dict[str, Any], tmp_path: Path) -> None:
    ds, spans = traced(queue(servers, used, **station), tmp_path)
    assert not broken(operational_laws(ds, Traces(spans, scripts_of(ds))))


def test_the_utilisation_is_that_of_an_m_m_c_queue(run: tuple[xr.Dataset, Traces]) -> None:
    """Of 18,000 tasks the work has a standard deviation of √(2/18,000) of its mean: four of them are 4.2 %."""
    (cpu,) = [one for one in stations_use(run[0]) if one.station == "shop.cpu"]
    assert cpu.utilisation == pytest.approx(0.8, rel=4 * np.sqrt(2 / 18_000))


def test_they_hold_on_generated_platforms(tmp_path: Path) -> None:
    checked = 0
    for seed in range(PLATFORMS):
        try:
            ds, spans = traced(generated(seed, random=True), tmp_path)
        except SfmodelError:
            continue  # a platform that is refused, or on which nothing was traced
        found = operational_laws(ds, Traces(spans, scripts_of(ds)))
        assert not broken(found), (seed, [one for one in found if not one.holds])
        checked += sum(one.law != "flow balance" for one in found)
    assert checked > 150


Change = Callable[[np.ndarray], np.ndarray]


def _more(by: float, first: int = 0, stop: int = 36) -> Change:
    """So much more in some windows."""

    def change(values: np.ndarray) -> np.ndarray:
        values[first:stop] = values[first:stop] * (1 + by)
        return values

    return change


def _one(by: int) -> Change:
    """One more, or less, in a window in the middle."""

    def change(values: np.ndarray) -> np.ndarray:
        values[17] += by
        return values

    return change


@pytest.mark.parametrize(
    ("meter", "change", "law"),
    [
        ("station_wait", _more(0.05), "L = X·W, queue"),
        ("station_wait", _more(-0.05), "L = X·W, queue"),
        ("station_queue", _more(0.5, 17, 19), "L = X·W, queue"),
        ("endpoint_time", _more(0.02), "L = X·W, held"),
        ("endpoint_time", _more(-0.02), "R = ΣV·R"),
        ("station_busy", _more(0.02), "U = X·S, held"),
        ("station_busy", _more(0.05), "U = X·S, traced"),
        ("call_time", _more(-0.02), "R = ΣV·R"),
        ("call_attempts", _more(0.05), "X = V·X₀"),
        ("station_starts", _one(1), "flow balance"),
        ("station_ends", _one(-1), "flow balance"),
        ("endpoint_arrivals", _one(1), "flow balance"),
        ("endpoint_outcomes", _one(1), "flow balance"),
    ],
)
def test_data_that_were_changed_violate_them(
    run: tuple[xr.Dataset, Traces], meter: str, change: Change, law: str
) -> None:
    ds, traces = run
    changed = ds.copy()
    changed[meter] = (ds[meter].dims, change(ds[meter].values.copy()), ds[meter].attrs)
    found = operational_laws(changed, traces)
    unending = {one.law for one in found if one.difference.never_ended}
    assert law in {name for name, _ in broken(found)} | unending


def test_tasks_that_never_end_are_said(tmp_path: Path) -> None:
    """Of a LIFO queue that is used half as much again as it can, those below never have their turn."""
    ds, spans = traced(queue(2, 1.5, order="lifo"), tmp_path)
    found = operational_laws(ds, Traces(spans, scripts_of(ds)))
    assert not broken(found)
    assert {one.of for one in found if one.difference.never_ended} == {"shop"}
    assert "tasks that never end" in laws_sentence(found)


def test_a_window_that_is_missing_violates_them(run: tuple[xr.Dataset, Traces]) -> None:
    ds, traces = run
    without = ds.isel(time=[k for k in range(ds.sizes["time"]) if k != 17])
    assert "flow balance" in {name for name, _ in broken(operational_laws(without, traces))}


def test_where_interventions_came_later_the_scripts_are_not_looked_at(tmp_path: Path) -> None:
    """Until then the shop was called once, and not twice."""
    own = {"title": "Twice", "changes": [{"after": "services.web.endpoints.do.steps.0", "do": {"call": "shop.do"}}]}
    ds, spans = traced({**queue(2, 0.3), "intervention": {"twice": own}, "switch_on": "120 s"}, tmp_path)
    found = operational_laws(ds, Traces(spans, scripts_of(ds)))
    assert {one.law for one in found} == {"flow balance", "L = X·W, queue"}
    assert not broken(found)


def test_a_run_of_an_older_version_is_a_sentence() -> None:
    with pytest.raises(NotInRunError, match="no endpoint_in_flight: it was made by an older version; make it again"):
        operational_laws(make_run(2).drop_vars("endpoint_in_flight"))
    with pytest.raises(NotInRunError, match="does not hold its configuration, from which its call sites are known"):
        operational_laws(make_run(2))
    with pytest.raises(NotInRunError, match=r"none of this version, make it again: platform\.services: "):
        operational_laws(make_run(2, config={"platform": {"name": "old"}}))


def test_a_run_without_windows_has_none(run: tuple[xr.Dataset, Traces]) -> None:
    assert operational_laws(run[0].isel(time=slice(0, 0)), None) == []
