"""What a run does not have is a sentence where it would stand, and the rest is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from small_run import make_run, place, recorded_run, tasks

from sfmodel.cli import main
from sfmodel.report import OF_RUN, RunSubject
from sfmodel.report.page import made, page
from sfmodel.results.folder import INCOMPLETE, RunFolder
from sfmodel.results.replications import replication
from sfmodel.results.variables import VARIABLES

from .reading import Report

GET, CALL, CPU = place("endpoint", "web.get"), place("call", "web.get>shop.search"), place("station", "shop.cpu")
DISK = place("cause", "shop.disk")


def busy(k: int, values: dict[str, Any]) -> None:
    """A hundred requests in each window, of which ten fail from the third on; a breaker opens then."""
    late = k >= 2
    tasks(values, "endpoint", GET, [0.1] * 100, failed=10 * late)
    tasks(values, "endpoint", place("endpoint", "shop.search"), [0.05] * 100, failed=10 * late)
    tasks(values, "call", CALL, [0.05] * 100, failed=10 * late)
    tasks(values, "users", 0, [0.1] * 100, failed=10 * late)
    values["endpoint_arrivals"][GET] = values["call_attempts"][CALL] = values["users_requests"][0] = 100
    values["endpoint_causes"][GET, DISK] = 10 * late
    values["endpoint_cause_time"][GET, DISK] = 10.0
    values["station_servers"][:] = 2
    values["station_busy"][CPU], values["station_queue"][CPU] = 15.0, 30.0
    values["breaker_state"][:] = -1
    values["breaker_state"][CALL] = 1 if k in (2, 3) else 2 if k == 4 else 0
    values["breaker_openings"][CALL] = k == 2
    values["call_open"][CALL] = 7 * (k == 3)


ATTRS = {"platform": "shop", "title": "Shop", "seed": 1, "version": "1", "sources": "x"}


@pytest.fixture(autouse=True)
def _without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is most of a page, and the same in all."""
    monkeypatch.setattr("sfmodel.report.page._plotly", str)


def subject(ds: xr.Dataset, folder: Path = Path("nowhere")) -> RunSubject:
    return RunSubject(folder, ds, ds, folder.parent)


def report_of(ds: xr.Dataset) -> Report:
    run = subject(ds)
    return Report(page([made(name, title, run) for name, title in OF_RUN.items()], run))


def test_a_whole_run_lacks_only_what_takes_more_than_the_run() -> None:
    found = report_of(make_run(6, busy, **ATTRS))
    assert list(found.sections) == list(OF_RUN)
    assert [section.heading for section in found.sections.values()] == list(OF_RUN.values())
    empty = {name for name, section in found.sections.items() if not section.titles}
    assert empty == {"cascades", "critical_path", "bottlenecks", "claims", "alerts"}
    for name in empty:
        (sentence,) = found.sections[name].missing
        assert sentence.endswith(".")


@pytest.fixture(scope="module")
def ds() -> xr.Dataset:
    """In memory, not to be read again each time."""
    return make_run(6, busy, **ATTRS).load()


SHOWN = [name for name in VARIABLES if not name.startswith(("cache_", "service_", "views", "sessions_", "limiter_"))]
"""What sections ask for by name; of others the measures that are asked for more say themselves what is not there."""


@pytest.mark.parametrize("name", [*SHOWN, "edge_from", "cache_kept_in"])
def test_without_any_one_variable_every_section_is_there(name: str, ds: xr.Dataset) -> None:
    found = report_of(ds.drop_vars(name, errors="ignore"))
    assert list(found.sections) == list(OF_RUN)
    for section in found.sections.values():
        assert section.titles or section.missing
    if name in ("endpoint_causes", "endpoint_cause_time"):
        assert name in found.sections["causes"].missing[0]
        assert "an older version made it" in found.sections["causes"].missing[0]
        assert found.sections["queues"].titles
    if name == "breaker_state":
        assert name in found.sections["breakers"].missing[0]


def test_every_chart_and_table_has_a_sentence_and_data() -> None:
    for section in report_of(make_run(6, busy, **ATTRS)).sections.values():
        assert len(section.titles) == len(section.says)
        assert all(len(sentence) > 20 for sentence in section.says)
        assert len(section.data) >= len(section.titles)


@pytest.mark.parametrize("windows", [0, 1, 2])
def test_a_run_of_few_windows(windows: int) -> None:
    found = report_of(make_run(windows, busy, **ATTRS))
    assert list(found.sections) == list(OF_RUN)
    if windows == 0:
        assert all(
            "no windows" in section.missing[0] for name, section in found.sections.items() if name != "bottlenecks"
        )
    else:
        assert found.sections["curves"].titles


def test_nothing_failed() -> None:
    def well(k: int, values: dict[str, Any]) -> None:
        busy(0, values)

    found = report_of(make_run(6, well, **ATTRS))
    assert "No request failed in this run" in found.sections["causes"].missing[0]
    assert found.sections["time"].titles
    assert "No request fails" in found.sections["spreading"].says[0]


def test_nothing_happened() -> None:
    found = report_of(make_run(6, **ATTRS))
    assert "No request ended in this run" in found.sections["spreading"].says[0]
    assert "no time to divide" in found.sections["time"].missing[0]


def test_breakers_are_open_from_when_to_when() -> None:
    found = report_of(make_run(6, busy, **ATTRS)).sections["breakers"]
    rows = [(r["call"], r["state"], r["from"], r["to"]) for r in found.rows("breakers.csv")]
    assert rows == [
        ("web.get>shop.search", "open", "20:00:20", "20:00:40"),
        ("web.get>shop.search", "half open", "20:00:40", "20:00:50"),
    ]
    assert "1 of 1 breaker opened, 1 time in all, and refused 7 calls" in found.says[0]
    assert "20 s" in found.says[0]


def test_a_platform_without_breakers_says_so() -> None:
    def none(k: int, values: dict[str, Any]) -> None:
        busy(k, values)
        values["breaker_state"][:] = -1

    assert (
        "No call in this run has a circuit breaker"
        in report_of(make_run(6, none, **ATTRS)).sections["breakers"].missing[0]
    )


def test_an_alert_that_does_not_fit_the_windows_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf/alerts").mkdir(parents=True)
    Path("conf/alerts/shop.yaml").write_text(
        "objectives: [{name: a, endpoints: [web.get], objective: 99 %}]\ncascades: {objective: a, window: 45 s}\n"
    )
    (says,) = report_of(make_run(6, busy, **ATTRS)).sections["alerts"].says
    assert (
        "No alert would have fired. The alert on cascades is left out: expected 'window' made of whole windows" in says
    )


def test_what_others_have_written_is_not_taken_for_html() -> None:
    evil = '</script><img src="http://x/y">'
    html = report_of(make_run(6, busy, **{**ATTRS, "title": evil, "scenario": evil})).html
    assert evil not in html
    assert "http://x/y&#34;" in html


def test_an_interrupted_run_is_shown_as_far_as_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder("cut", tmp_path)
    make_run(3, busy, store=folder.dataset, **ATTRS).close()
    path = folder.abandon("The run was interrupted")
    assert (path / INCOMPLETE).exists()
    assert main(["report", "cut", "--runs", str(tmp_path), "-o", str(tmp_path / "cut.html")]) == 0
    assert "MB" in capsys.readouterr().out
    found = Report((tmp_path / "cut.html").read_text())
    assert "incomplete, and shown as far as it was written: The run was interrupted." in found.notices[0]
    assert found.sections["curves"].titles
    assert found.sections["claims"].missing == ["Claims are not checked on an incomplete run."]


def test_a_folder_of_which_nothing_can_be_read_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder("cut", tmp_path)
    folder.abandon("The run was interrupted")
    assert main(["report", "cut", "--runs", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("sfmodel: ")


def test_a_mistake_in_the_platforms_rows_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = recorded_run("shop", 6, busy, **ATTRS)
    rows = tmp_path / "conf" / "rows" / "shop.yaml"
    rows.parent.mkdir(parents=True)
    rows.write_text("rows: {slow: {title: Slow, measure: 'men(endpoint_time)', range: [0 s, 1 s], unit: s}}")

    assert main(["report", "shop"]) == 2
    assert "rows/shop.yaml: rows: expected a list" in capsys.readouterr().err
    assert not (run / "report.html").exists()


def test_an_unknown_run_and_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recorded_run("small", 6, busy, **ATTRS)
    assert main(["report", "smal"]) == 2
    assert "did you mean 'small'?" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["report", "small", "-o", "file/report.html"]) == 1
    assert "another file, with -o" in capsys.readouterr().err


def test_replications_are_means_with_bands(tmp_path: Path) -> None:
    """Of three seeds, with 100, 110 and 120 requests in a window."""

    def more(seed: int) -> xr.Dataset:
        def edit(k: int, values: dict[str, Any]) -> None:
            busy(k, values)
            values["users_requests"][0] = 90 + 10 * seed

        return make_run(6, edit, **ATTRS).load()

    seeds = xr.DataArray([1, 2, 3], dims="replication", name="replication")
    whole = xr.concat([more(seed) for seed in (1, 2, 3)], seeds, data_vars="all")
    whole = whole.transpose("time", "replication", ...).assign_coords(width=("time", np.full(6, 10.0)))
    whole = whole.assign_attrs({**ATTRS, "window_s": 10.0, "replications": [{"seed": seed} for seed in (1, 2, 3)]})
    run = RunSubject(tmp_path, whole, replication(whole, 2), tmp_path)
    found = Report(page([made(name, title, run) for name, title in OF_RUN.items()], run))
    assert "are of seed 2" in found.notices[0]
    assert found.sections["causes"].titles
    row = found.sections["curves"].rows("demand.csv")[0]
    half = 4.302653 / 3**0.5  # Student's t with two degrees of freedom, of a deviation of 1/s
    assert float(row["all requests (requests/s)"]) == pytest.approx(11.0)
    assert float(row["all requests, high (requests/s)"]) == pytest.approx(11.0 + half, rel=1e-6)
