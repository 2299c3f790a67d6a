"""Replications as a user meets them: one dataset, one summary, one table; what was finished is not made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import sfmodel
from sfmodel import running
from sfmodel.errors import RunError
from sfmodel.replications import making
from sfmodel.replications.kept import take_over
from sfmodel.replications.merging import merge, merged_attributes
from sfmodel.results.folder import RunFolder, is_finished
from sfmodel.results.replications import replication, replications
from sfmodel.running import run_replication


def test_each_replication_is_the_plain_run_of_its_seed(call, pair):
    call("run", "platform=tiny", "seed=6", "name=six")
    plain, both = sfmodel.open("six"), sfmodel.open(pair)
    assert both.sizes["replication"] == 2
    assert both.replication.values.tolist() == [5, 6]
    xr.testing.assert_identical(replication(both, 6).drop_attrs(), plain.drop_attrs())
    attrs = sfmodel.replication(both, 6).attrs
    assert attrs["config"] | {"name": "six"} == plain.attrs["config"]
    assert {key: attrs[key] for key in ("seed", "events", "counter_totals")} == {
        key: plain.attrs[key] for key in ("seed", "events", "counter_totals")
    }
    xr.testing.assert_identical(both.sel(replication=6, drop=True).drop_attrs(), plain.drop_attrs())


def test_time_is_the_first_dimension_so_that_measures_take_all_replications_at_once(pair):
    both = sfmodel.open(pair)
    assert both.endpoint_latency.dims[:2] == ("time", "replication")
    p95 = sfmodel.quantile(both.endpoint_latency.sum(["time", "endpoint"]), 0.95)
    one = [
        float(sfmodel.quantile(ds.endpoint_latency.sum(["time", "endpoint"]), 0.95))
        for ds in replications(both).values()
    ]
    np.testing.assert_array_equal(p95, one)


def test_attributes_are_those_of_all_with_a_list_of_what_differs(pair):
    attrs = sfmodel.open(pair).attrs
    assert (attrs["name"], attrs["seed"], attrs["config"]["seed"]) == ("pair", 5, 5)
    assert [one["seed"] for one in attrs["replications"]] == [5, 6]
    assert attrs["events"] == sum(one["events"] for one in attrs["replications"])
    assert "replications" not in attrs["config"]


def test_what_each_has_cost_is_its_own_also_where_it_is_the_same_for_all():
    every = [
        {"name": str(seed), "config": {}, "seed": seed, "requests": 1800, "compile_seconds": 0.5} for seed in (1, 2)
    ]
    attrs = merged_attributes(every, "both", {})
    assert (attrs["requests"], attrs["compile_seconds"]) == (3600, 0.5)
    assert attrs["replications"] == [{"seed": seed, "requests": 1800, "compile_seconds": 0.5} for seed in (1, 2)]


def test_all_replications_leave_out_the_same_transient():
    alone = [{"name": str(seed), "config": {}, "seed": seed, "transient_s": 20.0 * (seed == 5)} for seed in (5, 6)]
    attrs = merged_attributes(alone, "both", {}) | {"transient_s": 10.0}
    ds = xr.Dataset(coords={"replication": [5, 6]}, attrs=attrs)
    assert [one.attrs["transient_s"] for one in replications(ds).values()] == [10.0, 10.0]


def test_the_summary_has_means_and_intervals(call, pair):
    summary = json.loads((pair / "summary.json").read_text())
    each = [json.loads((pair / f"replications/{seed}/summary.json").read_text()) for seed in (5, 6)]
    figure, values = summary["whole"]["response_mean"], [one["whole"]["response_mean"]["value"] for one in each]
    assert figure["value"] == pytest.approx(np.mean(values))
    half = 12.706205 * np.std(values, ddof=1) / np.sqrt(2)  # Student's t, 1 degree of freedom, 97.5 %
    assert (figure["low"], figure["high"]) == pytest.approx((np.mean(values) - half, np.mean(values) + half))
    assert (figure["n"], summary["run"]["seeds"]) == (2, [5, 6])
    status, said, _ = call("summary", "pair")
    assert status == 0
    assert "± " in said
    assert "Means over 2 replications, seeds 5, 6, ± half of their 95% intervals." in said


def test_figures_are_judged_by_the_mean(call, pair):
    status, said, _ = call("figures", "pair")
    assert status == 1
    assert "1 of 2 figures are reproduced; not met: Q." in said
    assert "2/2" in said
    assert call("figures", "pair", "--only", "T")[0] == 0
    (row,) = json.loads(call("figures", "pair", "--only", "T", "--json")[1])
    assert row["value"] == pytest.approx(np.mean(list(row["values"].values())))
    assert list(row["values"]) == ["5", "6"]


def test_curves_are_means_with_bands(call, pair):
    assert (pair / "figures/peak_hours.svg").stat().st_size > 10_000
    status, said, _ = call("plot", "pair", "--terminal")
    assert status == 0
    assert "tiny, 00:01 to 00:03, mean of seeds 5, 6" in said


def test_a_trace_is_of_one_replication(call, pair):
    assert call("trace", "pair")[0] == 0
    assert call("trace", "pair", "--replication", "6")[0] == 0
    assert call("trace", "pair")[1] == call("trace", "pair", "--replication", "5")[1]
    status, _, complaints = call("trace", "pair", "--replication", "7")
    assert (status, complaints) == (2, "sfmodel: there is no replication with seed 7; there are those with 5, 6\n")


def unfinished(pair: Path, name: str) -> Path:
    """A copy of the pair as a run that was killed or failed when both replications were finished."""
    left = pair.parent / name
    shutil.copytree(pair, left)
    (left / "INCOMPLETE").write_text("This run is being written, or was killed.\n")
    return left


@pytest.mark.usefixtures("pair")
def test_what_a_killed_call_has_finished_is_taken_over(call, pair):
    killed = unfinished(pair, "again.partial")
    shutil.rmtree(killed / "replications/6")
    made = (killed / "replications/5/MANIFEST.json").stat().st_mtime_ns
    status, said, _ = call("run", "platform=tiny", "seed=5", "replications=2", "name=again")
    assert status == 0
    assert "finished before, and taken from runs/again.incomplete: seeds 5" in said
    assert (pair.parent / "again/replications/5/MANIFEST.json").stat().st_mtime_ns == made
    assert not list(pair.parent.glob("again.*"))
    xr.testing.assert_identical(sfmodel.open("again").drop_attrs(), sfmodel.open("pair").drop_attrs())


@pytest.mark.usefixtures("pair")
def test_where_all_are_finished_they_are_only_put_together(call, pair):
    unfinished(pair, "whole.incomplete")
    status, said, complaints = call("run", "platform=tiny", "seed=5", "replications=2", "processes=2", "name=whole")
    assert (status, complaints) == (0, "")
    assert "finished before, and taken from runs/whole.incomplete: seeds 5, 6" in said


def garble(replication: Path, array: str) -> None:
    """Other bytes, as many as there were."""
    for chunk in (replication / "dataset.zarr" / array / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"\xff" * chunk.stat().st_size)


@pytest.mark.parametrize("array", ["time", "endpoint_time"])
def test_a_damaged_replication_is_named_and_no_longer_counts_as_finished(pair, tmp_path, array):
    folders = {seed: tmp_path / str(seed) for seed in (5, 6)}
    for seed, folder in folders.items():
        shutil.copytree(pair / f"replications/{seed}", folder)
    garble(folders[5], array)
    with pytest.raises(
        RunError, match=r"^replications/5: its dataset is damaged .*; the next call makes seed 5 again$"
    ):
        merge(folders, "both", {}, None)
    assert [is_finished(folder) for folder in folders.values()] == [False, True]


def test_a_damaged_replication_is_made_again_by_the_next_call(call, pair):
    left = unfinished(pair, "hurt.incomplete")
    garble(left / "replications/6", "endpoint_time")
    command = ("run", "platform=tiny", "seed=5", "replications=2", "name=hurt")
    status, said, complaints = call(*command)
    assert status == 1
    assert complaints.startswith("sfmodel: replications/6: its dataset is damaged")
    assert len(complaints.splitlines()) == 1
    assert "failed: the 1 of 2 replications that were finished are kept in" in said
    status, said, complaints = call(*command)
    assert status == 0, complaints
    assert "seeds 5\n" in said
    xr.testing.assert_identical(sfmodel.open("hurt").drop_attrs(), sfmodel.open("pair").drop_attrs())


def made_before(pair, name: str, **attrs: object):
    """The pair as an unfinished run, with other attributes of its seed 5; its seed 6 is not there."""
    left = unfinished(pair, f"{name}.incomplete")
    shutil.rmtree(left / "replications/6")
    described = left / "replications/5/dataset.zarr/zarr.json"
    content = json.loads(described.read_text())
    content["attributes"].update(attrs)
    written = described.write_text(json.dumps(content))
    manifest = left / "replications/5/MANIFEST.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"zarr.json": written}))
    return left


@pytest.mark.parametrize("attrs", [{"sources": "other"}, {"files": {"x.csv": "other"}}, {"version": "0"}], ids=str)
def test_of_other_code_or_data_nothing_is_taken_over(pair, attrs):
    left = made_before(pair, "changed", **attrs)
    with RunFolder("anew", pair.parent) as folder:
        assert take_over(folder, [5, 6], sfmodel.open(pair).attrs["config"]) == {}
    shutil.rmtree(left)
    shutil.rmtree(pair.parent / "anew.incomplete")


@pytest.mark.parametrize(
    ("attrs", "what"),
    [
        ({"sources": "other"}, "sources of sfmodel"),
        ({"files": {"x.csv": "other"}}, "files of data"),
        ({"version": "0"}, "versions of sfmodel"),
    ],
)
def test_of_different_code_or_data_they_are_not_put_together_and_none_is_lost(pair, attrs, what):
    left = made_before(pair, "mixed", **attrs)
    folders = {5: left / "replications/5", 6: pair / "replications/6"}
    with pytest.raises(
        RunError, match=f"made of different {what}, changed while they were made: seeds 5 and seeds 6; "
    ):
        merge(folders, "both", {}, None)
    assert all(map(is_finished, folders.values()))
    shutil.rmtree(left)


@pytest.mark.parametrize("content", [None, "", "[]", '{"attributes": null}'], ids=repr)
def test_what_is_damaged_is_not_taken_over(pair, content):
    left = made_before(pair, "damaged")
    described = left / "replications/5/dataset.zarr/zarr.json"
    described.unlink() if content is None else described.write_text(content)
    (left / "replications/5/MANIFEST.json").write_text("{}")
    with RunFolder("anew", pair.parent) as folder:
        assert take_over(folder, [5, 6], sfmodel.open(pair).attrs["config"]) == {}
    shutil.rmtree(left)
    shutil.rmtree(pair.parent / "anew.incomplete")


def test_of_the_same_code_and_data_it_is_taken_over(pair):
    left = made_before(pair, "same")
    with RunFolder("anew", pair.parent) as folder:
        assert take_over(folder, [5, 6], sfmodel.open(pair).attrs["config"]) == {5: left}
    shutil.rmtree(pair.parent / "anew.incomplete")


@pytest.mark.usefixtures("pair")
def test_of_another_configuration_nothing_is_taken_over(call, pair):
    killed = unfinished(pair, "other.incomplete")
    status, said, _ = call("run", "platform=tiny", "seed=5", "replications=2", "until=2 min", "name=other")
    assert status == 0
    assert "finished before" not in said
    shutil.rmtree(killed)


def test_a_replicated_run_is_measured_beside_a_replicated_pair(call, pair):
    call("run", "platform=tiny", "seed=5", "replications=2", "scenario=slow", "name=slow")
    row = {"id": "S", "title": "Slower", "measure": f"base({'mean(endpoint[server.serve])'})", "at_least": 0}
    (pair.parent.parent / "beside.yaml").write_text(json.dumps({"window": "10 s", "rows": [row]}))
    status, said, complaints = call("figures", "slow", "--rows", "beside.yaml")
    assert (status, complaints) == (0, "")
    assert "2/2" in said


def test_what_a_plain_run_says_is_said_here_too(call, monkeypatch):
    compiled = []
    world = SimpleNamespace(compile=lambda: compiled.append(True))
    monkeypatch.setattr(making, "is_compiled", lambda: False)
    monkeypatch.setattr(making, "World", lambda *_: world)
    status, _, complaints = call("run", "platform=tiny", "until=1 min", "replications=2", "name=nothing")
    assert status == 0, complaints
    assert compiled == [True]
    assert complaints.startswith(
        "nothing: compiling the kernels, once for this version: about a minute\nnothing: seed "
    )
    assert complaints.count("nothing was measured: the run ends where it starts") == 1


def test_what_the_dataset_of_all_does_not_show_is_said(tmp_path):
    mapping = {**sfmodel.load("tiny").config, "until": "70 s", "name": "5", "trace": {"one_in": 1, "limit": 10}}
    said: list[str] = []
    folder = run_replication(mapping, tmp_path, lambda share, state: None, said.append)
    (line,) = said
    assert "spans came after trace.limit, 10" in line
    assert line in (folder / "sfmodel.log").read_text()


def test_a_replication_that_runs_out_of_memory_says_so(tmp_path, monkeypatch):
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(running, "begun", exhausted)
    with pytest.raises(RunError, match="not enough memory: none is left; use fewer users or items"):
        run_replication(sfmodel.load("tiny").config, tmp_path, lambda share, state: None, print)


@pytest.mark.parametrize(
    ("error", "in_sweep", "how"),
    [
        (KeyboardInterrupt(), False, "; the same command goes on from there"),
        (KeyboardInterrupt(), True, ""),
        (RunError(), False, "; the same command goes on from there"),
        (RunError(), True, "; the same command with hydra.sweep.dir={root} goes on from there"),
    ],
    ids=repr,
)
def test_how_to_go_on_is_said_once(pair, tmp_path, error, in_sweep, how):
    with RunFolder("some", tmp_path) as folder:
        shutil.copytree(pair / "replications/5", folder.path / "replications/5")
        said = making._what_is_kept(folder, [5, 6], error, in_sweep)
    kept = f"the 1 of 2 replications that were finished are kept in {tmp_path}/some.incomplete/replications"
    assert said.partition(": ")[2] == kept + how.format(root=tmp_path)


def test_in_memory(pair):
    both = sfmodel.load("tiny").run(seed=5, replications=2)
    xr.testing.assert_identical(both.load().drop_attrs(), sfmodel.open(pair).drop_attrs())


def test_in_memory_the_user_is_warned_as_of_one_run():
    keys = {"start": "1 min", "until": "16 min", "replications": 2}
    with pytest.warns(UserWarning, match="the run has not settled, seen in .*tasks at stations"):
        sfmodel.load("tiny", "platform.sources.arrivals.rate=110/s").run(**keys)


def test_whether_they_had_settled_is_noted_in_the_run(call):
    words = ("start=1 min", "until=16 min", "platform.sources.arrivals.rate=110/s", "name=overloaded")
    status, said, _ = call("run", "platform=tiny", "replications=2", *words)
    assert status == 0
    assert "warning: the run has not settled, seen in " in said
    assert "tasks at stations" in sfmodel.open("overloaded").attrs["unsettled"]


def test_a_file_with_the_name_of_a_package_is_not_taken_for_it(call):
    Path("numpy.py").write_text("raise SystemExit('this is not NumPy')\n")
    try:
        status, _, complaints = call("run", "platform=tiny", "until=2 min", "replications=2", "name=beside-numpy")
    finally:
        Path("numpy.py").unlink()
    assert status == 0, complaints


def test_each_point_of_a_sweep_has_its_replications(call):
    words = ("platform.sources.arrivals.rate=70/s,60/s", "hydra.sweep.dir=runs/sweep")
    status, _, complaints = call("run", "-m", "platform=tiny", "replications=2", "until=2 min", *words)
    assert status == 0, complaints
    rates = {70.0: "arrivals.rate=70-s", 60.0: "arrivals.rate=60-s"}
    for rate, name in rates.items():
        ds = sfmodel.open(f"sweep/{name}")
        assert ds.replication.values.tolist() == [1, 2]
        assert float(ds.endpoint_arrivals.mean()) / 10 == pytest.approx(rate, rel=0.1)
    status, said, complaints = call("run", "-m", "platform=tiny", "replications=2", "until=2 min", *words)
    assert (status, complaints) == (0, "")
    assert said.splitlines()[:2] == [
        f"finished before, and not made again: runs/sweep/{name}" for name in rates.values()
    ]


@pytest.mark.parametrize(
    ("changes", "found"), [({}, True), ({"replications": 3}, False), ({"seed": 6}, False), ({"until": "2 min"}, False)]
)
def test_only_the_same_run_is_not_made_again(pair, changes, found):
    mapping = {**sfmodel.open(pair).attrs["config"], "replications": 2, **changes}
    assert running._finished_before(running.checked(mapping), pair.parent, "any") == (pair if found else None)


def test_too_many_seeds(call):
    status, _, complaints = call("run", "platform=tiny", f"seed={2**63 - 1024}", "replications=2000")
    assert status == 2
    assert "replications: expected at most 1,024 with this seed, found 2,000" in complaints
