"""What sections say is what the run has, computed here in another way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from diagnosis.planted import BEGINS_S, LASTS_S

from sfmodel.diagnosis.ablation import FOLDER as ABLATIONS
from sfmodel.diagnosis.ablation import Ablation
from sfmodel.diagnosis.bottleneck_table import bottlenecks_data, bottlenecks_of
from sfmodel.diagnosis.bottlenecks import FOLDER as BOTTLENECKS
from sfmodel.diagnosis.bottlenecks import Counterfactual
from sfmodel.diagnosis.candidates import Candidate
from sfmodel.diagnosis.cascade_table import ablations_data, ablations_of
from sfmodel.diagnosis.kept import keep, kept
from sfmodel.diagnosis.troubles import Trouble
from sfmodel.report import OF_RUN, RunSubject
from sfmodel.report.page import made, page
from sfmodel.report.parts import Sheet
from sfmodel.results.intervals import Interval

from .reading import Found, Report


@pytest.fixture(scope="module")
def found(planted: RunSubject) -> Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sfmodel.report.page._plotly", str)
        return Report(page([made(name, title, planted) for name, title in OF_RUN.items()], planted))


def again(planted: RunSubject, name: str) -> Found:
    """One section alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sfmodel.report.page._plotly", str)
        return Report(page([made(name, OF_RUN[name], planted)], planted)).sections[name]


def test_it_asks_nobody_for_anything(found: Report) -> None:
    assert found.links
    assert all(link.startswith(("data:text/csv", "#")) for link in found.links)


def test_failures_add_up_to_all_of_them(found: Report, planted: RunSubject) -> None:
    ds = planted.ds
    outcomes = ds["endpoint_outcomes"].sel(endpoint="web.do").sum("time")
    failed = int(outcomes.sum() - outcomes.sel(outcome="ok"))
    rows = found.sections["causes"].rows("failures_by_cause.csv")
    assert failed > 0
    assert sum(int(row["failures"]) for row in rows) == failed
    assert sum(float(row["share of all failures"]) for row in rows) == pytest.approx(1, abs=1e-9)
    assert f"{failed:,} requests failed" in found.sections["causes"].says[0]


def test_times_add_up_to_the_time_of_a_request(found: Report, planted: RunSubject) -> None:
    rows = found.sections["time"].rows("time_by_cause_over_time.csv")
    own = planted.ds[["endpoint_time", "endpoint_outcomes"]].sel(endpoint="web.do")
    each_ms = 1000 * own["endpoint_time"].values / own["endpoint_outcomes"].sum("outcome").values
    layers = [key for key in rows[0] if key.endswith("(ms)")]
    assert [sum(float(row[key]) for key in layers) for row in rows] == pytest.approx(each_ms.tolist(), rel=1e-6)


def test_the_cascade_is_the_one_that_was_planted(found: Report, planted: RunSubject) -> None:
    (one,) = planted.cascades
    rows = found.sections["cascades"].rows("cascades.csv")
    assert {row["path"] for row in rows} == {" > ".join(one.path)}
    assert len(rows) == len(one.edges)
    assert f"1 cascade; the one of the longest path is {' → '.join(one.path)}" in found.sections["cascades"].says[0]


def test_the_worst_window_lies_in_the_trouble(found: Report) -> None:
    said = found.sections["spreading"].says[0]
    hours, minutes, seconds = map(int, said.removeprefix("Worst is ").partition(",")[0].split(":"))
    assert BEGINS_S <= 3600 * hours + 60 * minutes + seconds <= BEGINS_S + LASTS_S + 60


def test_calls_are_those_of_the_run(found: Report, planted: RunSubject) -> None:
    rows = found.sections["spreading"].rows("calls.csv")
    ds = planted.ds
    for k, label in enumerate(ds["call"].values):
        caller, _, callee = str(label).partition(">")
        key = f"{caller.partition('.')[0]} > {callee.partition('.')[0]}: attempts"
        assert [int(row[key]) for row in rows] == ds["call_attempts"].values[
            :, k
        ].tolist()  # one call site for each pair


def test_the_critical_path_is_all_of_the_time_of_traced_requests(found: Report, planted: RunSubject) -> None:
    rows = found.sections["critical_path"].rows("critical_paths.csv")
    first = rows[0]["of"]
    own = [row for row in rows if row["of"] == first]
    assert sum(float(row["share"]) for row in own) == pytest.approx(1)
    spans = [json.loads(line) for line in (planted.folder / "traces.jsonl").read_text().splitlines()]
    took = [
        span["ended_s"] - span["start_s"]
        for span in spans
        if span["parent"] is None and f"{span['service']}.{span['endpoint']}" == first
    ]
    assert len(took) > 100
    assert sum(float(row["mean (s)"]) for row in own) == pytest.approx(np.mean(took), rel=1e-6)
    assert first in found.sections["critical_path"].says[0]


def test_edges_that_were_cut_are_told(planted: RunSubject) -> None:
    (one,) = planted.cascades
    cuts = [Ablation(edge, one, edge.target, 0.05) for edge in one.edges]
    assert ablations_of(ablations_data(cuts), [one]) == cuts
    try:
        keep(planted.folder / ABLATIONS, planted.ds, ablations_data(cuts))
        section = again(planted, "cascades")
        assert {row["when it is cut"] for row in section.rows("cascades.csv")} == {"holds"}
        assert f"{len(cuts)} of them hold" in section.missing[0]
    finally:
        (planted.folder / ABLATIONS / "found.json").unlink()
    assert "No edge was cut" in again(planted, "cascades").missing[0]


def test_bottlenecks_are_told_where_they_were_sought(planted: RunSubject) -> None:
    trouble = Trouble("web.cpu", 0, 0.25, np.nan, 0.9, np.nan, np.nan)
    effects = {"failing": Interval(-0.02, 0.01, 0), "p95": Interval(-0.1, np.nan, 0)}
    judged = [Counterfactual(Candidate(trouble, "services.web.stations.cpu.speed", None), 1.1, effects)]
    assert bottlenecks_data(bottlenecks_of(bottlenecks_data(judged))) == bottlenecks_data(judged)
    assert "sfmodel bottlenecks slow" in again(planted, "bottlenecks").missing[0]
    try:
        found = {"period": "whole run", "bottlenecks": bottlenecks_data(judged), "seeds": 2}
        keep(planted.folder / BOTTLENECKS, planted.ds, found)
        says = again(planted, "bottlenecks").says[0]
    finally:
        (planted.folder / BOTTLENECKS / "found.json").unlink()
    assert "10 % more of web.cpu" in says
    assert "-2.0 ± 1.0 pp" in says
    assert "2 seeds" in says


def test_what_was_kept_and_is_damaged_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text("{")
    assert kept(tmp_path, xr.Dataset()) is None


def test_what_was_found_in_other_data_is_not_there(tmp_path: Path) -> None:
    ds = xr.Dataset(attrs={"seed": 1, "digest": "ab", "sources": "cd"})
    keep(tmp_path, ds, ["found"])
    assert kept(tmp_path, ds) == ["found"]
    for name in ds.attrs:
        assert kept(tmp_path, ds.assign_attrs({name: "other"})) is None


def test_an_edge_that_was_cut_in_one_cascade_is_not_cut_in_another(planted: RunSubject) -> None:
    (one,) = planted.cascades
    later = replace(one, begins_s=one.begins_s + 600)
    cuts = [Ablation(one.edges[0], one, one.edges[0].target, 0.05)]
    assert ablations_of(ablations_data(cuts), [one, later]) == cuts


def test_no_cell_is_a_formula() -> None:
    assert Sheet("x", {"=a": ["=1+1", "@b", "plain", -2.5]}).csv == "'=a\n'=1+1\n'@b\nplain\n-2.5\n"
