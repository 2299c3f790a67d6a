"""The digest of a result: what changes it, what does not, and where it is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from PIL import Image

import sfmodel
from sfmodel.__main__ import main
from sfmodel.figures import draw
from sfmodel.results.digest import digest, digest_of
from sfmodel.results.folder import open_run

MakeRun = Callable[..., Any]


@lru_cache
def small(**keys: Any) -> xr.Dataset:
    return sfmodel.load("mmc").run(until="70 s", window="1 s", **keys)


def test_the_same_run_has_the_same_digest() -> None:
    again = sfmodel.load("mmc").run(until="70 s", window="1 s")
    assert again.attrs["wall_seconds"] != small().attrs["wall_seconds"]
    assert digest(again) == digest(small())
    assert len(digest(again)) == 64


@pytest.mark.parametrize("tick", ["0.1 ms", "1 ms", "20 ms"])
def test_the_tick_does_not_change_it(tick: str) -> None:
    assert digest(small(tick=tick)) == digest(small())


def test_another_seed_changes_it() -> None:
    assert digest(small(seed=2)) != digest(small())


def test_every_value_of_every_variable_is_in_it(make_run: MakeRun) -> None:
    ds = make_run(3).load()
    found = {digest(ds)}
    for name in ds.variables:
        changed = ds.copy(deep=True)
        values = changed.variables[name].values.copy()
        if not values.size:
            continue
        last = (-1,) * values.ndim
        values[last] = "other" if values.dtype.kind == "U" else values[last] + 1
        changed = changed.assign({name: (changed[name].dims, values)})
        found.add(digest(changed))
    sizes = [variable.size for variable in ds.variables.values()]
    assert len(found) == 1 + sum(size > 0 for size in sizes)


def test_the_least_bit_changes_it(make_run: MakeRun) -> None:
    ds = make_run(3).load()
    changed = ds.copy(deep=True)
    changed["demand"].values[1] = np.nextafter(changed["demand"].values[1], np.inf)
    assert digest(changed) != digest(ds)


def test_names_and_shapes_are_in_it(make_run: MakeRun) -> None:
    ds = make_run(3).load()
    others = (ds.rename(users_retries="users_abandoned_"), ds.isel(time=slice(2)), ds.drop_vars("users_retries"))
    assert len({digest(ds), *map(digest, others)}) == 4


def test_attributes_order_and_layout_are_not(make_run: MakeRun) -> None:
    ds = make_run(3, wall_seconds=1.0, tick_s=0.001).load()
    other = ds[list(ds.data_vars)[::-1]].assign_attrs(wall_seconds=2.0, tick_s=0.02, peak_memory_bytes=7)
    assert digest(other) == digest(ds)
    turned = ds.copy(deep=True)
    for name, variable in turned.data_vars.items():
        if variable.dtype.kind in "if":
            swapped = np.asfortranarray(variable.values.astype(variable.dtype.newbyteorder(">")))
            turned = turned.assign({name: (variable.dims, swapped)})
    assert digest(turned) == digest(ds)


def test_slabs_are_put_together(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    ds = make_run(7).load()
    whole = digest(ds)
    monkeypatch.setattr("sfmodel.results.digest._SLAB_BYTES", 1)
    assert digest(ds) == whole


def test_an_older_run_gets_that_of_what_is_there(make_run: MakeRun) -> None:
    ds = make_run(3)
    assert digest_of(ds) == digest(ds)
    assert digest_of(ds.assign_attrs(digest="abc")) == "abc"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and two replications of the same."""
    folder = tmp_path_factory.mktemp("digests")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = ["run", "platform=mmc", "until=70 s", "window=1 s"]
        assert main([*words, "name=one"]) == 0
        assert main([*words, "name=two", "replications=2"]) == 0
    return folder / "runs"


def test_it_is_written_with_a_run(runs: Path) -> None:
    ds = open_run(runs / "one")
    assert ds.attrs["digest"] == digest(ds) == digest(small())
    assert json.loads((runs / "one" / "summary.json").read_text())["run"]["digest"] == digest(ds)


def test_it_is_written_with_replications(runs: Path) -> None:
    both = open_run(runs / "two")
    assert both.attrs["digest"] == digest(both)
    first = open_run(runs / "two" / "replications" / "1")
    assert first.attrs["digest"] == digest(small())


def test_the_summary_ends_with_it(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(runs / "one")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"data sha256 {digest(small())}")


def test_it_is_computed_again(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(runs / "one"), "--verify"]) == 0
    assert f"data sha256 {digest(small())}, computed again" in capsys.readouterr().out
    changed = tmp_path / "changed"
    shutil.copytree(runs / "one", changed)
    store = zarr.open_group(changed / "dataset.zarr")
    store["endpoint_arrivals"][0] += 1
    assert main(["summary", str(changed), "--verify"]) == 1
    assert "the data are not those that were written" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_a_figure_says_which_data_made_it(runs: Path, tmp_path: Path, ending: str) -> None:
    (path,) = draw(open_run(runs / "one"), tmp_path, ["response_times"], [ending])
    expected = f"run one, seeds 1, data sha256 {digest(small())}"
    if ending == "png":
        assert Image.open(path).info["Source"].endswith(expected)
    elif ending == "svg":
        text = path.read_text()
        assert expected in text[text.index("<metadata>") : text.index("</metadata>")]
    else:
        assert expected.encode() in path.read_bytes()
