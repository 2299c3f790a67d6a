"""`sfmodel figures` on a tiny run that is really on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from small_run import recorded_run

from sfmodel.cli import main

ROW = {"title": "Cost", "measure": "cost", "take": "total"}


@pytest.fixture
def sfmodel(tmp_path, monkeypatch, capsys):
    """A folder with runs/tiny, whose cost is 60 dollars, and the command."""
    monkeypatch.chdir(tmp_path)
    recorded_run("tiny", 6, lambda k, values: values["cost"].__setitem__(..., 10), platform="shop")

    def call(*words: str) -> tuple[int, str, str]:
        status = main(words)
        output, complaints = capsys.readouterr()
        return status, output, complaints

    return call


def write_rows(path: str, *rows: dict) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(yaml.safe_dump({"rows": list(rows)}))


def test_a_unit_of_one_needs_no_quotes(sfmodel):
    write_rows("conf/rows/shop.yaml", {"id": "A", "at_least": 60, "unit": 1, **ROW})
    assert sfmodel("figures", "tiny")[0] == 0


@pytest.mark.parametrize("kind", ["rows", "stories", "figures"])
def test_a_mistake_in_what_is_looked_for_is_said_before_anything_runs(sfmodel, kind):
    path = Path(f"conf/{kind}/mmc.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({"no such key": 1}))
    status, _, complaints = sfmodel("run", "platform=mmc", "name=never", "until=70 s")
    assert status == 2
    assert str(path) in complaints
    assert "no such key" in complaints
    assert [one.name for one in Path("runs").iterdir()] == ["tiny"]


def test_rows_of_the_platform_are_found_and_met(sfmodel):
    write_rows("conf/rows/shop.yaml", {"id": "A", "at_least": 60, **ROW}, {"id": "B", "below": 61, **ROW})
    status, output, _ = sfmodel("figures", "tiny")
    assert status == 0
    assert "2 of 2 figures are reproduced." in output


def test_a_row_that_is_not_met_is_status_1(sfmodel):
    write_rows("mine.yaml", {"id": "A", "at_least": 60, **ROW}, {"id": "B", "above": 60, **ROW})
    assert sfmodel("figures", "tiny", "--rows", "mine.yaml")[0] == 1
    assert sfmodel("figures", "tiny", "--rows", "mine.yaml", "--only", "A")[0] == 0


def test_json(sfmodel):
    write_rows("mine.yaml", {"id": "A", "at_least": 60, **ROW})
    status, output, _ = sfmodel("figures", "tiny", "--rows", "mine.yaml", "--json")
    assert status == 0
    assert [(one["id"], one["value"], one["met"]) for one in json.loads(output)] == [("A", 60, True)]


def test_rows_with_a_pair_of_their_own_are_not_measured_beside_another(sfmodel):
    row = {"id": "A", "above": 0, **ROW, "measure": "cost - base(cost)"}
    Path("mine.yaml").write_text(yaml.safe_dump({"beside": ["scenario=calm", "users=[1]"], "rows": [row]}))
    status, _, complaints = sfmodel("figures", "tiny", "--rows", "mine.yaml")
    assert status == 1
    assert complaints == (
        "sfmodel: these rows are measured beside a run of the same seed, sfmodel run scenario=calm 'users=[1]'; "
        "name that run with --against; rows beside it are left out\n"
    )


def test_a_row_that_the_run_cannot_show_is_status_1(sfmodel):
    write_rows("mine.yaml", {"id": "A", "at_least": 1, "title": "t", "measure": "mean(endpoint[web.get])"})
    status, output, _ = sfmodel("figures", "tiny", "--rows", "mine.yaml")
    assert status == 1
    assert "1 cannot be measured, since nothing of the kind happened: A." in output


def test_figures_of_hours_that_the_run_does_not_have_are_counted_apart(sfmodel):
    rows = [{"id": "A", "at_least": 60, **ROW}, {"id": "B", "at_least": 1, "period": "peak", **ROW}]
    paths = {"id": "C", "title": "t", "measure": "request_time(degraded)", "at_least": 1}
    beside = {"id": "D", "title": "t", "measure": "cost / base(cost)", "at_least": 1}
    Path("mine.yaml").write_text(
        yaml.safe_dump({"periods": {"peak": ["20:15", "23:00"]}, "rows": [*rows, paths, beside]})
    )
    status, output, _ = sfmodel("figures", "tiny", "--rows", "mine.yaml")
    assert status == 1
    assert "tiny, 20:00 to 20:01" in output
    assert " ".join(output.split()).endswith(
        "1 of the 1 figures that this run shows are reproduced. "
        "1 cannot be measured, since the run has nothing of 20:15–23:00 (peak): B. "
        "1 cannot be measured, since no request was traced: C. 1 cannot be measured, without the paired run: D."
    )
    assert json.loads(sfmodel("figures", "tiny", "--rows", "mine.yaml", "--json")[1])[1]["lacks"].endswith("(peak)")


def test_a_run_with_a_scenario_has_rows_of_its_own_and_needs_its_pair(sfmodel):
    trouble = {"scenario": {"events": [{"at": "20:00:30", "for": "10 s"}]}}
    dearer = {"id": "S", "title": "t", "measure": "cost / base(cost)", "take": "highest", "at_least": 3}
    write_rows("conf/rows/shop.yaml", {"id": "A", "at_least": 60, **ROW})
    write_rows("conf/rows/shop/trouble.yaml", dearer)
    Path("conf/scenario").mkdir()
    Path("conf/scenario/trouble.yaml").write_text("title: Prices rise\n")
    recorded_run(
        "dear", 6, lambda k, values: values["cost"].__setitem__(..., 30), platform="shop", scenario="Prices rise",
        config=trouble,
    )  # fmt: skip
    status, output, complaints = sfmodel("figures", "dear")
    assert (status, complaints) == (0, "")
    assert "S " in output
    assert sfmodel("figures", "dear", "--rows", "trouble", "--against", "tiny")[0] == 0
    assert "dear beside tiny" in sfmodel("figures", "dear", "--rows", "trouble", "--against", "tiny")[1]
    assert sfmodel("figures", "dear", "--rows", "conf/rows/shop.yaml")[0] == 0
    assert (
        "there is no run 'tinny'"
        in sfmodel("figures", "dear", "--rows", "conf/rows/shop.yaml", "--against", "tinny")[2]
    )
    assert "tiny has no scenario, so there is no run without it" in sfmodel("figures", "tiny", "--rows", "trouble")[2]
    assert sfmodel("figures", "tiny", "--rows", "trouble")[0] == 1  # its pair is not to be found
    assert (
        "--rows: there is no file 'truble', and no rows of that name; did you mean 'trouble'?"
        in sfmodel("figures", "dear", "--rows", "truble")[2]
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "there are no rows for platform 'shop': write conf/rows/shop.yaml, or name a file with --rows"),
        (["--rows", "nowhere.yaml"], "--rows: there is no file 'nowhere.yaml', and no rows of that name"),
        (["--rows", "mine.yaml", "--only", "B"], "--only: there is no row 'B'; valid are: A"),
        (["--rows", "wrong.yaml"], "row A: 'mean(endpoint[web.gett])': there is no endpoint 'web.gett'; did you mean"),
    ],
)
def test_wrong_requests(sfmodel, words, expected):
    write_rows("mine.yaml", {"id": "A", "at_least": 60, **ROW})
    write_rows("wrong.yaml", {"id": "A", "at_least": 60, "title": "t", "measure": "mean(endpoint[web.gett])"})
    status, _, complaints = sfmodel("figures", "tiny", *words)
    assert status == 2
    assert complaints.startswith("sfmodel: ")
    assert expected in complaints


def test_rows_of_another_platform_are_marked_where_they_do_not_apply(sfmodel):
    write_rows(
        "conf/rows/cinema.yaml",
        {"id": "A", "at_least": 60, **ROW},
        {"id": "B", "at_least": 1, **ROW, "measure": "rate(tickets)"},
        {"id": "C", "at_least": 1, **ROW, "measure": "mean(endpoint[web.gett])"},
    )
    for wanted in ("cinema", "conf/rows/cinema.yaml"):
        status, output, complaints = sfmodel("figures", "tiny", "--rows", wanted)
        assert (status, complaints) == (1, "")
        assert output.count(" n/a ") == 2
        assert " ".join(output.split()).endswith(
            "1 of the 1 figures that this run shows are reproduced. 2 do not apply to this run: B, C. It lacks what they "
            "name: there is no 'tickets', there is no endpoint 'web.gett'."
        )
    alone = sfmodel("figures", "tiny", "--rows", "cinema", "--only", "C")[1]
    assert "It lacks what they name: there is no endpoint 'web.gett'; did you mean 'web.get'?" in " ".join(
        alone.split()
    )
    written = json.loads(sfmodel("figures", "tiny", "--rows", "cinema", "--json")[1])
    assert [one["applies"] for one in written] == [True, False, False]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "rows.yaml: there are no rows in it"),
        (b"\xff\xfe", "rows.yaml: expected text in UTF-8"),
        (b"define: {x: y, y: x}\nrows: [{id: A, title: t, measure: x, at_most: 1}]", "is defined by itself"),
    ],
)
def test_a_file_of_rows_that_cannot_be_used(sfmodel, content, expected):
    Path("rows.yaml").write_bytes(content)
    status, _, complaints = sfmodel("figures", "tiny", "--rows", "rows.yaml")
    assert status == 2
    assert len(complaints.splitlines()) == 1
    assert expected in complaints


def test_a_division_by_zero_is_not_met(sfmodel):
    write_rows("mine.yaml", {"id": "A", "title": "t", "measure": "1/0", "at_most": 1})
    assert sfmodel("figures", "tiny", "--rows", "mine.yaml")[::2] == (1, "")
