"""The report of a sweep: points, effects, what is beaten by none, and what is not finished."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfmodel.cli import main
from sfmodel.report.sections.pareto import front
from sfmodel.results.folder import MANIFEST
from sfmodel.sweeps import Point, Sweep

from .reading import Report

GOOD = {"none": 0.4, "cache": 0.6, "queue": 0.5, "both": 0.7}
COST = {"none": 10.0, "cache": 20.0, "queue": 30.0, "both": 40.0}
AIMS = """aims:
  - {id: good, title: Answered in time, measure: 'demand', unit: share, better: more}
  - {id: spent, title: Spending, measure: 'demand', unit: USD/h, cost: true}
"""


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sfmodel.report.page._plotly", str)


def sweep(unfinished: tuple[str, ...] = (), aims: bool = True) -> Path:
    """Four sets of changes of which the queue is beaten, over three seeds that differ by a little."""
    folder = Path("runs/s")
    points = [Point(f"{name},{seed}", {"intervention": name, "seed": str(seed)}) for name in GOOD for seed in (1, 2, 3)]
    Sweep(["intervention=…"], [], points, [], {"platform": {"name": "p", "title": "P"}}, {}).write(folder)
    if aims:
        Path("conf/aims").mkdir(parents=True)
        Path("conf/aims/p.yaml").write_text(AIMS)
    for point in points:
        if point.name in unfinished:
            continue
        run, name, seed = folder / point.name, point.values["intervention"], int(point.values["seed"])
        run.mkdir()
        (run / MANIFEST).write_text("{}")
        figures = {
            "good": {
                "name": "Answered in time",
                "unit": "share",
                "value": GOOD[name] + 0.01 * seed + 0.001 * seed * (name == "cache"),
            },
            "spent": {"name": "Spending", "unit": "USD/h", "value": COST[name]},
            "failed": {"name": "Requests failed", "unit": "share", "value": 0.1},
        }
        summary = {"run": {"seed": seed}, "whole": {}, "peak": figures, "classes": {}}
        (run / "summary.json").write_text(json.dumps(summary))
    return folder


def report(capsys: pytest.CaptureFixture[str]) -> Report:
    assert main(["report", "s", "-o", "report.html"]) == 0
    assert "report.html" in capsys.readouterr().out
    return Report(Path("report.html").read_text())


def test_changes_are_ranked_with_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    sweep()
    found = report(capsys).sections["effects"]
    rows = {row["change"]: row for row in found.rows("effects_on_good.csv")}
    assert float(rows["both"]["mean (share)"]) == pytest.approx(0.3)
    assert float(rows["cache"]["mean (share)"]) == pytest.approx(0.202)
    assert float(rows["cache"]["half of the interval (share)"]) == pytest.approx(4.302653 * 0.001 / 3**0.5, rel=1e-5)
    assert found.says[0].startswith("Largest is that of both, +30")
    (ranking,) = (sentence for sentence in found.says if sentence.startswith("By their effect"))
    assert ranking.index("both") < ranking.index("cache") < ranking.index("queue")


def test_what_is_beaten_is_not_on_the_front(capsys: pytest.CaptureFixture[str]) -> None:
    sweep()
    found = report(capsys).sections["pareto"]
    rows = {row["point"]: row["on the front"] for row in found.rows("good_against_spent.csv")}
    assert rows == {"none": "yes", "cache": "yes", "queue": "no", "both": "yes"}
    assert found.says[0].startswith("3 points of 4 are beaten by none in both")


def test_a_front_by_head() -> None:
    assert front([(1, 5), (2, 3), (3, 3), (4, 1), (4, 2)]) == [0, 1, 3]
    assert front([(1, 1), (1, 1)]) == [0, 1]  # alike: neither beats the other
    assert front([]) == []


def test_a_platform_without_aims_has_no_front_and_the_usual_figures(capsys: pytest.CaptureFixture[str]) -> None:
    sweep(aims=False)
    found = report(capsys).sections
    assert "there is no conf/aims/p.yaml" in found["pareto"].missing[0]
    assert "effects_on_failed.csv" in found["effects"].data


def test_failed_points_are_listed_with_their_reason(capsys: pytest.CaptureFixture[str]) -> None:
    folder = sweep(unfinished=("queue,1", "queue,2", "queue,3"))
    (folder / "failed").mkdir()
    record = {"error": "the disk is full", "exit_status": 1, "overrides": []}
    (folder / "failed/queue,2.json").write_text(json.dumps(record))
    found = report(capsys)
    assert "3 of 12 runs are not finished" in found.notices[0]
    rows = {row["run"]: row["reason"] for row in found.sections["unfinished"].rows("not_finished.csv")}
    assert rows == {"queue,1": "", "queue,2": "the disk is full", "queue,3": ""}
    assert "sfmodel run resume=runs/s" in found.sections["unfinished"].says[0]
    assert {row["change"] for row in found.sections["effects"].rows("effects_on_good.csv")} == {"cache", "both"}


def test_a_missing_first_point_takes_only_the_effects_away(capsys: pytest.CaptureFixture[str]) -> None:
    sweep(unfinished=("none,1", "none,2", "none,3"))
    found = report(capsys).sections
    assert "none is not finished, beside which all others are taken" in found["effects"].missing[0]
    assert found["points"].titles
    assert found["pareto"].titles


def test_one_seed_says_that_nothing_is_known_of_chance(capsys: pytest.CaptureFixture[str]) -> None:
    sweep(unfinished=tuple(f"{name},{seed}" for name in GOOD for seed in (2, 3)))
    found = report(capsys).sections
    assert "of one seed, so that nothing is known of chance" in found["points"].says[0]
    assert "One seed, 1" in found["effects"].missing[0]
    assert "which may be chance" in found["effects"].says[0]


def test_a_sweep_of_which_nothing_is_finished_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    sweep(unfinished=tuple(f"{name},{seed}" for name in GOOD for seed in (1, 2, 3)))
    assert main(["report", "s"]) == 1
    assert "none of the 12 runs" in capsys.readouterr().err
    assert main(["report", "s", "--replication", "1"]) == 2
