"""The command that says where time goes: tables, JSON, and what is missing in a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from small_run import make_run, recorded_run

from sfmodel.cli import main
from sfmodel.results.folder import open_run
from sfmodel.running import run_to_folder

from .test_critical_path import platform, service, use

Result = tuple[int, str, str]


def shop(**keys: Any) -> dict[str, Any]:
    """Web holds a worker while it waits 200 of 210 ms for the shop."""
    web = service(use("10 ms"), {"call": "shop.do"})
    web["stations"]["workers"] = {"servers": 5}
    web["endpoints"]["do"]["hold"] = "workers"
    return {**platform(every="100 ms", web=web, shop=service(use("200 ms"), servers=4)), "warmup": "5 s", **keys}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: traced, and not; of one service alone; with two seeds; of an older version."""
    folder = tmp_path_factory.mktemp("profile") / "runs"
    alone = platform(web=service(use("10 ms"), servers=1))
    mappings = {
        "traced": shop(trace={"one_in": 1}), "untraced": shop(trace={"one_in": 0}),
        "alone": {**alone, "trace": {"one_in": 1}}, "seeds": shop(trace={"one_in": 1}, replications=2, until="20 s"),
    }  # fmt: skip
    for name, mapping in mappings.items():
        run_to_folder({**mapping, "name": name}, None, folder, fallback=name)
    return folder


@pytest.fixture
def profile(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    monkeypatch.chdir(runs.parent)
    monkeypatch.setenv("COLUMNS", "140")

    def call(*words: str) -> Result:
        capsys.readouterr()
        status = main(("profile", *words))
        output, complaints = capsys.readouterr()
        return status, " ".join(output.split()), complaints

    return call


def test_all_of_it_is_printed(profile: Callable[..., Result]) -> None:
    status, said, _ = profile("traced")
    assert status == 0
    assert "shop.cpu 50.0 % 50.0 % 0 0.0 % 0 0" in said  # 10/s x 200 ms of 4
    assert "web.workers 42.0 % 42.0 % 0 0.0 % 0 0" in said  # 10/s x 210 ms of 5
    assert "shop 10/s 0.0 % 0 200 ms" in said
    assert "Operational laws hold in all 18 places" in said
    assert "shop: in service 200 ms 95.2 %" in said
    assert "web: in service 10 ms 4.8 %" in said
    assert "waiting for web.do>shop.do 95.2 % 2" in said


def test_as_json_with_a_series_for_each_window(profile: Callable[..., Result]) -> None:
    status, said, _ = profile("traced", "--json", "--hours", "00:00:00", "00:00:30")
    found = json.loads(said)
    assert status == 0
    assert {"period", "stations", "services", "laws", "critical_path", "held", "missing"} == set(found)
    assert all(law["holds"] for law in found["laws"])
    (workers,) = [one for one in found["stations"] if one["station"] == "web.workers"]
    assert workers["utilisation_in"] == pytest.approx([0.42] * 3)
    (path,) = found["critical_path"]
    assert sum(part["share"] for part in path["every"]["parts"]) == pytest.approx(1, abs=1e-12)
    (held,) = found["held"]
    assert sum(part["share"] for part in held["shares"]["parts"]) == pytest.approx(1, abs=1e-12)
    assert found["missing"] == ""


def test_one_endpoint_alone(profile: Callable[..., Result]) -> None:
    assert "web.do" in profile("traced", "--endpoint", "web.do")[1]
    assert (
        "no request to shop.do that was traced begins in whole run; valid are: web.do"
        in profile("traced", "--endpoint", "shop.do")[1]
    )


def test_a_run_with_seeds_is_one_of_them(profile: Callable[..., Result]) -> None:
    assert "web.do" in profile("seeds")[1]
    assert "web.do" in profile("seeds", "--replication", "2")[1]
    assert "no replication with seed 3" in profile("seeds", "--replication", "3")[2]


def test_without_traces_the_rest_is_shown_and_how_to_get_them(profile: Callable[..., Result]) -> None:
    status, said, _ = profile("untraced")
    assert status == 0
    assert "Operational laws hold" in said
    wanted = "is not known: no request of untraced was traced; run it again, with trace.one_in=1000."
    assert wanted in said
    assert json.loads(profile("untraced", "--json")[1])["missing"] in wanted


def test_a_run_of_one_service_in_which_nothing_fails_or_waits(profile: Callable[..., Result]) -> None:
    status, said, _ = profile("alone")
    assert status == 0
    assert "web: in service 10 ms 100.0 %" in said
    assert "What held workers do" not in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["traced", "--endpoint", "web.doo"], "--endpoint: there is no endpoint 'web.doo'; did you mean 'web.do'?"),
        (["traced", "--hours", "08:00", "09:00"], "the run has nothing between 08:00 and 09:00"),
        (["traced", "--hours", "00:00:30", "00:00:10"], "00:00:30 is not before 00:00:10"),
        (["nowhere"], "nowhere"),
    ],
)
def test_what_is_not_there_is_a_sentence(profile: Callable[..., Result], words: list[str], expected: str) -> None:
    status, _, complaints = profile(*words)
    assert status == 2
    assert expected in complaints


def test_hours_without_a_traced_request(profile: Callable[..., Result], runs: Path) -> None:
    """Of the requests only that of the last second is left."""
    file = runs / "alone" / "traces.jsonl"
    kept = file.read_text()
    file.write_text("".join(kept.splitlines(keepends=True)[-1:]))
    last_s = json.loads(file.read_text())["start_s"]
    hours = ("00:00:00", "00:00:10") if last_s >= 10 else ("00:00:50", "00:01:00")
    try:
        said = profile("alone", "--hours", *hours)[1]
    finally:
        file.write_text(kept)
    assert "no request that was traced begins in 00:0" in said
    assert "trace more, with a smaller trace.one_in, or name other hours" in said


def test_traces_that_were_cut_short_are_a_sentence(profile: Callable[..., Result], runs: Path) -> None:
    file = runs / "alone" / "traces.jsonl"
    kept = file.read_text()
    file.write_text(kept[:-20])
    try:
        status, _, complaints = profile("alone")
    finally:
        file.write_text(kept)
    assert status == 1
    assert "the file was cut short or changed" in complaints


def test_data_that_violate_a_law_are_said_and_the_status_is_1(
    profile: Callable[..., Result], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = open_run(runs / "traced").load()
    ds["endpoint_time"] = ds["endpoint_time"] * 1.1
    monkeypatch.setattr("sfmodel.results.folder.open_run", lambda *_: ds)
    status, said, complaints = profile("traced")
    assert status == 1
    assert "Operational laws are violated: " in said
    assert "at web" in complaints
    assert "do not rely on them before it is known why" in complaints


@pytest.mark.usefixtures("profile")
def test_an_incomplete_run_and_one_of_an_older_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recorded_run("old")  # without its configuration
    assert main(["profile", "old"]) == 2
    assert "does not hold its configuration" in capsys.readouterr().err
    Path("runs/old").rename("runs/old.incomplete")
    (Path("runs/old.incomplete") / "INCOMPLETE").write_text("interrupted")
    assert main(["profile", "old.incomplete"]) == 1
    assert "is incomplete" in capsys.readouterr().err


def test_a_run_of_no_endpoints_has_no_services() -> None:
    from sfmodel.diagnosis.use_red import services_red

    ds: xr.Dataset = make_run(2)
    bare = ds.drop_vars([name for name in ds.data_vars if "endpoint" in ds[name].dims]).drop_vars("endpoint")
    assert services_red(bare) == []
