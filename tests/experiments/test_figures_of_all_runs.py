"""experiments/figures.py: the mean over seeds, runs that are kept, and a run that fails, on a platform of one station."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml
from support import TINY

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

import figures
from figures import Job, Plan, studies

PLATFORM = TINY + "trace: {one_in: 0}\n"
EVENT = {"at": "90 s", "for": "10 s", "set": {"services.server.stations.servers.servers": 8}}
TIME = "mean(endpoint[server.serve])"
SERVED = {"id": "T", "title": "Time", "measure": TIME, "unit": "s", "at_least": "0.1 s", "at_most": "1 s"}
SLOWER = {"id": "S", "title": "Slower", "measure": f"{TIME} / base({TIME})", "take": "highest", "above": 1}
ROWS = {
    "tiny.yaml": {"window": "30 s", "rows": [SERVED, {**SERVED, "id": "Q", "at_most": "0.2 s", "at_least": "0.15 s"}]},
    "tiny/slow.yaml": {"window": "10 s", "rows": [SLOWER]},
    "tiny/broken.yaml": {
        "run": ["scenario=slow", "platform.services.server.stations.servers.servers=many"],
        "rows": [SERVED],
    },
}
Call = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Call]:
    """The program, in a folder with the platform and its rows."""
    folder = tmp_path_factory.mktemp("figures")
    files = {"platform/tiny.yaml": PLATFORM, "scenario/slow.yaml": yaml.safe_dump({"title": "Slow", "events": [EVENT]})}
    files |= {f"rows/{name}": yaml.safe_dump(rows) for name, rows in ROWS.items()}
    for name, text in files.items():
        path = folder / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def execute(*words: str) -> tuple[int, str]:
        with redirect_stdout(StringIO()) as said:
            status = figures.main([*words, "--jobs", "1", "--seeds", "2", "--scenario-seeds", "1", "platform=tiny"])
        return status, said.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield execute


@pytest.fixture(scope="module")
def first(call: Call) -> tuple[int, str]:
    return call()


def measured() -> dict[tuple[str, str], dict[str, str]]:
    with Path("results/figures/figures.csv").open() as file:
        return {(line["run"], line["row"]): line for line in csv.DictReader(file)}


def made() -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in Path("results/figures").glob("*/MANIFEST.json")}


# The whole program


def test_a_run_that_fails_costs_only_itself_and_is_named(first: tuple[int, str]) -> None:
    status, said = first
    assert status == 1
    assert "broken-1 failed: " in said
    assert "found 'many'" in said.splitlines()[-1]
    assert set(made()) == {"baseline-1", "baseline-2", "slow-1"}


@pytest.mark.usefixtures("first")
def test_each_row_is_measured_on_the_runs_of_its_file() -> None:
    found = measured()
    assert [found[key]["seeds_met"] + "/" + found[key]["seeds"] for key in found] == ["2/2", "0/2", "0/1", "1/1"]
    assert [found[key]["met"] for key in found] == ["yes", "no", "", "yes"]
    assert found["broken", "T"]["lacks"] == "since no run was finished"
    one = found["baseline", "T"]
    values = [float(value) for value in one["values"].split()]
    assert float(one["mean"]) == pytest.approx(sum(values) / 2, rel=1e-5)
    assert float(one["low"]) < min(values) < max(values) < float(one["high"])  # t at 1 degree of freedom: 12.7
    assert float(found["slow", "S"]["mean"]) > 1
    summary = json.loads(Path("results/figures/summary.json").read_text())
    assert (summary["rows"], summary["rows_met"], list(summary["failed"])) == (4, 2, ["broken-1"])
    assert summary["not_met"] == [".".join(key) for key in found if found[key]["met"] != "yes"]
    assert summary["seeds"] == {
        "baseline": {"measured": 2, "wanted": 2}, "broken": {"measured": 0, "wanted": 1},
        "slow": {"measured": 1, "wanted": 1},
    }  # fmt: skip
    lines = Path("results/figures/figures.md").read_text().splitlines()
    assert len(lines) == 2 + len(found)
    assert len({line.count("|") for line in lines}) == 1


def test_the_table_fits_100_columns(first: tuple[int, str]) -> None:
    assert max(map(len, first[1].splitlines())) <= 100


@pytest.mark.usefixtures("first")
def test_a_row_that_only_some_of_the_runs_show_is_not_met() -> None:
    words = ("platform=tiny",)
    baseline = studies("tiny", 2, 1)[0]
    plan, folder = Plan([baseline], words), Path("results/figures")
    found, lost = figures.measure(baseline, plan, folder, {"baseline-2": "it was ended by SIGKILL"})
    assert (len(found[0].seeds), found[0].mean.met, found[0].mean.lacks) == (1, False, "shown by 1 of 2 seeds")
    assert found[0].cells[-1] == "1/2"
    assert figures.summary_of(found, {})["rows_met"] == 0
    assert lost == {}


@pytest.mark.usefixtures("first")
def test_finished_runs_are_not_made_again(call: Call) -> None:
    before = made()
    status, said = call()
    assert "1 of 4 runs are to be made" in said
    assert status == 1
    assert made() == before


@pytest.mark.usefixtures("first")
def test_a_kept_run_of_another_configuration_is_refused(call: Call) -> None:
    status, said = call("--only", "baseline", "--table-only", "platform.sources.arrivals.rate=70/s")
    assert status == 1
    assert "baseline-2 failed: results/figures/baseline-2 was made with another configuration; remove it" in said
    assert "failed" not in call("--only", "baseline", "--table-only")[1]


@pytest.mark.usefixtures("first")
def test_a_wrong_name_is_a_sentence(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--only", "slwo")[0] == 2
    assert capsys.readouterr().err == "figures: --only: there is no file of rows 'slwo'; did you mean 'slow'?\n"


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(("share", "status"), [("0.5", 0), ("0.51", 1)])
def test_a_share_of_the_rows_may_be_enough(call: Call, share: str, status: int) -> None:
    assert call("--only", "baseline", "--table-only", "--share", share)[0] == status  # one of two is met


# Which runs


def test_a_run_that_several_files_want_is_made_once_and_ends_when_the_last_has_seen_enough() -> None:
    every = studies("streamflow", 5, 3)
    plan = Plan(every, ())
    jobs = {study.name: next(plan.jobs(study)) for study in every}
    assert jobs["baseline"] == (Job("baseline-1", ("seed=1",)), None)
    assert jobs["l1_retry_storm"][0] == jobs["f4_engine_half"][0]
    assert jobs["f4_engine_half"][0].words == ("scenario=f4_engine_half", "until=21:33", "seed=1")
    assert jobs["s2_upload_spike"][0].words[1] == "until=19:30"  # its last period
    assert jobs["l1_retry_storm"][1].words[1:] == ("platform.users.retry.probability=0", "until=21:33", "seed=1")
    assert jobs["l3_breaker_f1"][1] == jobs["baseline"][0]
    assert jobs["s3_worst_evening"][1].words == ("start=20:59", "until=21:04", "seed=1")
    common = Plan(every, ("trace.one_in=2500",))
    traced = next(next(common.jobs(study))[0].words for study in every if study.name == "s3_worst_evening")
    assert traced.index("trace.one_in=2500") < traced.index("trace.one_in=10")  # the later one counts


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (0, "", None),
        (-9, "", "it was ended by SIGKILL, as by a machine that is out of memory"),
        (2, "progress\nsfmodel: seed: expected a number\n", "seed: expected a number"),
        (1, "", "it ended with status 1 and no message"),
    ],
)
def test_what_a_worker_ended_with(
    status: int, said: str, expected: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, status, None, said))
    assert figures._make(Job("one", ()), tmp_path) == expected
