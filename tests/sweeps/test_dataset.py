"""A sweep as one dataset: labelled, lazy, with what is missing as NaN."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import make_run, place

import sfmodel
from sfmodel.errors import RunError, RunNotFoundError
from sfmodel.results.folder import RunFolder
from sfmodel.sweeps import Point, Sweep, finished_runs_of, recorded_sweep

SITE = place("endpoint", "web.get")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def sweep(*values: dict[str, str]) -> Path:
    """Record a sweep of these points, without runs."""
    points = [Point(",".join(f"{key}={value}" for key, value in one.items()), one) for one in values]
    Sweep(["-m"], [], points, [], {}, {}).write(Path("runs/s"))
    return Path("runs/s")


def run(name: str, arrivals: int, windows: int = 6, **attrs: Any) -> None:
    """A finished run with so many arrivals at an endpoint in window k, plus k."""

    def edit(k: int, values: dict[str, Any]) -> None:
        values["endpoint_arrivals"][SITE] = arrivals + k

    with RunFolder(name, Path("runs/s")) as folder:
        make_run(
            windows, edit, store=folder.dataset, platform="p", title="P", version="1", sources="x", **attrs
        ).close()
        folder.complete()


def test_each_swept_parameter_is_a_labelled_dimension() -> None:
    sweep(*({"demand.level": level, "seed": seed} for level in ("1.03", "0.97") for seed in ("1", "2")))
    for level, seed in ((1.03, 1), (1.03, 2), (0.97, 1), (0.97, 2)):
        run(f"demand.level={level},seed={seed}", round(1000 * level) + seed)

    ds = sfmodel.open_sweep("s")

    assert ds.endpoint_arrivals.dims == ("demand.level", "seed", "time", "endpoint")
    assert ds["demand.level"].values.tolist() == [1.03, 0.97]
    assert ds.endpoint_arrivals.dtype == np.int64  # nothing is missing
    assert ds.attrs["missing"] == []
    one = ds.sel({"demand.level": 0.97, "seed": 2})
    assert one.endpoint_arrivals.sel(endpoint="web.get").values.tolist() == [972, 973, 974, 975, 976, 977]
    paired = ds.endpoint_arrivals.sel(endpoint="web.get").diff("demand.level")
    assert np.all(paired.values == -60)
    assert str(one["run"].item()) == "runs/s/demand.level=0.97,seed=2"


def test_missing_points_are_nan_and_listed() -> None:
    sweep({"intervention": "none"}, {"intervention": "a+b"})
    run("intervention=none", 5)

    ds = sfmodel.open_sweep("runs/s")

    assert ds.attrs["missing"] == ["intervention=a+b"]
    assert ds["run"].sel(intervention="a+b").item() == ""
    assert np.isnan(ds.endpoint_arrivals.sel(intervention="a+b")).all()
    assert ds.endpoint_arrivals.sel(intervention="none", endpoint="web.get").values.tolist() == [5, 6, 7, 8, 9, 10]


def test_a_run_that_another_machine_made_again_has_a_number() -> None:
    sweep({"x": "1"}, {"x": "1-3"})
    run("x=1-2", 5)
    run("x=1-3", 6)  # a point of its own
    found = sfmodel.open_sweep("s").endpoint_arrivals.isel(time=0, endpoint=SITE)
    assert found.values.tolist() == [5, 6]


def test_of_several_runs_of_a_point_the_newest_counts() -> None:
    sweep({"x": "1"})
    run("x=1", 5)
    run("x=1-2", 6)
    run("x=1-10", 7)
    for k, name in enumerate(("x=1", "x=1-10", "x=1-2")):
        os.utime(Path("runs/s", name, "MANIFEST.json"), (k, k))
    assert sfmodel.open_sweep("s").endpoint_arrivals.isel(x=0, time=0, endpoint=SITE) == 6


def test_the_folder_of_a_sweep_is_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = sweep(*({"x": str(x)} for x in range(100)))
    run("x=1", 5)
    listed = []
    for name in ("listdir", "scandir"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda path, real=real: listed.append(path) or real(path))

    found = finished_runs_of(recorded_sweep(folder), folder)

    assert {name for name, path in found.items() if path} == {"x=1"}
    assert len(found) == 100
    assert listed == [folder]


def test_runs_of_other_hours_share_the_axis() -> None:
    sweep({"until": "short"}, {"until": "long"})
    run("until=short", 10, windows=2)
    run("until=long", 20, windows=4)

    found = sfmodel.open_sweep("s").endpoint_arrivals.sel(endpoint="web.get")

    np.testing.assert_array_equal(found.values, [[10, 11, np.nan, np.nan], [20, 21, 22, 23]])
    np.testing.assert_array_equal(found.isel(time=[2, 1], until=1), [22, 21])


def test_windows_that_begin_together_have_the_widths_of_their_runs() -> None:
    sweep({"window": "10s"}, {"window": "20s"})
    run("window=10s", 10, windows=4)
    run("window=20s", 20, windows=2, window_s=20.0)

    ds = sfmodel.open_sweep("s")

    assert ds.width.dims == ("window", "time")
    np.testing.assert_array_equal(ds.width, [[10, 10, 10, 10], [20, np.nan, 20, np.nan]])
    for window, each_s in (("10s", 10), ("20s", 20)):
        alone = sfmodel.open(f"runs/s/window={window}")
        rate = (ds.endpoint_arrivals / ds.width).sel(window=window).dropna("time", how="all")
        np.testing.assert_array_equal(rate, alone.endpoint_arrivals / alone.width)
        assert rate.sizes["time"] == 40 / each_s


def test_runs_that_end_within_the_same_window_keep_its_widths() -> None:
    sweep({"until": "early"}, {"until": "late"})
    run("until=early", 10, until_s=72_055.0)
    run("until=late", 10)
    np.testing.assert_array_equal(sfmodel.open_sweep("s").width.isel(time=slice(4, None)), [[10, 5], [10, 10]])


def test_points_that_are_no_grid_are_along_one_dimension() -> None:
    sweep({"x": "1", "y": "1"}, {"x": "2", "y": "4"})
    run("x=1,y=1", 3)
    run("x=2,y=4", 7)

    ds = sfmodel.open_sweep("s")

    assert ds.endpoint_arrivals.dims == ("point", "time", "endpoint")
    assert (ds.x.values.tolist(), ds.y.values.tolist()) == ([1, 2], [1, 4])
    assert ds.endpoint_arrivals.sel(point="x=2,y=4").isel(time=0, endpoint=SITE).item() == 7


def test_labels_that_only_some_runs_have_and_a_parameter_that_is_called_as_a_dimension() -> None:
    sweep({"queue": "off"}, {"queue": "on"})
    run("queue=off", 1)
    with pytest.MonkeyPatch.context() as patch:
        import small_run

        more = {**small_run.LABELS, "endpoint": ["web.put", "web.get", "shop.search", "queue.put"]}
        patch.setattr(small_run, "LABELS", more)
        with RunFolder("queue=on", Path("runs/s")) as folder:
            attrs = {"platform": "p", "title": "P", "version": "1", "sources": "x"}

            def edit(k: int, values: dict[str, Any]) -> None:
                values["endpoint_arrivals"][:] = [1, 2, 3, 4]

            make_run(6, edit, store=folder.dataset, **attrs).close()
            folder.complete()

    found = sfmodel.open_sweep("s").endpoint_arrivals.isel(time=0)

    assert sorted(found.endpoint.values) == ["queue.put", "shop.search", "web.get", "web.put"]
    assert found.sel(sweep_queue="on").to_series().to_dict() == {
        "web.put": 1,
        "web.get": 2,
        "shop.search": 3,
        "queue.put": 4,
    }
    assert np.isnan(found.sel(sweep_queue="off", endpoint="queue.put"))
    assert found.sel(sweep_queue="off", endpoint="web.get") == 1


def test_a_sweep_without_finished_runs_says_so() -> None:
    sweep({"x": "1"})
    with pytest.raises(RunNotFoundError, match="none of the 1 runs of the sweep in runs/s is finished"):
        sfmodel.open_sweep("s")
    with pytest.raises(RunNotFoundError, match="did you mean 's'"):
        sfmodel.open_sweep("ss")


def test_only_the_runs_that_are_asked_for_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [{"seed": str(seed)} for seed in range(1000)]
    folder = sweep(*names)
    run("seed=0", 1)
    for one in names[1:]:  # all of one run's files
        os.symlink("seed=0", folder / f"seed={one['seed']}")
    opened: list[str] = []
    from sfmodel.sweeps import dataset

    real: Callable[[Path], Any] = dataset._opened.__wrapped__
    monkeypatch.setattr(dataset, "_opened", lambda store: (opened.append(str(store)), real(store))[1])

    ds = sfmodel.open_sweep("s")
    assert opened == []
    assert float(ds.endpoint_arrivals.sel(seed=[7, 900]).sum()) == 2 * sum(range(1, 7))
    assert opened == [f"runs/s/seed={seed}/dataset.zarr/endpoint_arrivals" for seed in (7, 900)]


def test_a_damaged_record_is_one_sentence() -> None:
    sweep({"x": "1"})
    Path("runs/s/sweep.json").write_text("{")
    with pytest.raises(RunError, match="start it again in another folder"):
        sfmodel.open_sweep("s")
