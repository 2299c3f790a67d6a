"""Rows on made-up runs: periods, how windows become a number, ranges, mistakes in files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from small_run import make_run

from sfmodel.errors import ConfigError
from sfmodel.paths import read_paths
from sfmodel.rows import Rows, measure_rows, read_rows
from sfmodel.rows.measuring import take
from sfmodel.stories import read_stories


def rows(*entries: dict, **more) -> Rows:
    given = [{"id": f"R{k}", "title": "t", "at_least": 0, **entry} for k, entry in enumerate(entries)]
    return Rows.model_validate({"window": "1 min", "rows": given, **more})


def counting(k, values):
    """One dollar in the first window, two in the second, …"""
    values["cost"][...] = k + 1


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("median", 3.0),
        ("mean", 28 / 7),
        ("total", 28.0),
        ("highest", 10.0),
        ("highest 3", (10 + 6 + 4) / 3),
        ("lowest", 1.0),
        ("lowest 2", 1.5),
        ("growth", (2 + 10) / (4 + 1)),
    ],
)
def test_take(how, expected):
    assert take(np.array([4.0, 1.0, np.nan, 3.0, 2.0, 6.0, 2.0, 10.0]), how) == pytest.approx(expected)


def test_what_is_counted_are_values():
    assert take(np.array([1.0, np.nan, 0.0]), "count") == 2
    assert take(np.zeros(0), "count") == 0
    assert math.isnan(take(np.array([np.nan]), "count"))  # not known


def test_take_of_nothing_is_not_a_number():
    assert math.isnan(take(np.array([np.nan]), "highest 3"))
    assert math.isnan(take(np.zeros(0), "median"))


def test_growth_from_nothing_is_infinite():
    assert take(np.array([0.0, 1.0, 2.0]), "growth") == math.inf


def test_a_row_is_measured_over_its_period():
    ds = make_run(18, counting, start_s=72000.0)  # minutes of 1…6 = 21, 7…12 = 57, 13…18 = 93
    found = measure_rows(
        ds,
        rows(
            {"measure": "cost"},
            {"measure": "cost", "period": "first"},
            {"measure": "cost", "period": "later", "take": "total"},
            {"measure": "cost", "period": "later", "relative_to": "first"},
            {"measure": "cost", "period": "morning"},
            periods={"first": ["20:00", "20:01"], "later": ["20:01", "20:03"], "morning": ["06:00", "07:00"]},
        ),
    )
    assert [one.value for one in found.values()] == [57, 21, 150, pytest.approx(75 / 21), None]
    assert [one.met for one in found.values()] == [True] * 4 + [None]


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        ({"at_least": 57}, True),
        ({"above": 57}, False),
        ({"at_most": 57}, True),
        ({"below": 57}, False),
        ({"at_least": 50, "below": 60}, True),
        ({"above": 57.5, "at_most": 60}, False),
    ],
)
def test_ranges(bounds, met):
    row = {"measure": "cost", "at_least": None, **bounds}
    assert measure_rows(make_run(18, counting), rows(row))["R0"].met is met


def test_ranges_are_read_in_the_unit_of_the_row():
    found = rows(
        {"measure": "cost", "unit": "s", "at_least": "120 ms", "at_most": "2 min"},
        {"measure": "cost", "unit": "share", "at_least": "0.05 %", "below": 1},
        {"measure": "cost", "unit": "USD/h", "at_least": 3},
        {"measure": "cost", "unit": "s", "relative_to": "whole", "at_least": 2},
    )
    assert [list(row.bounds.values()) for row in found.rows] == [[0.12, 120], [0.0005, 1], [3], [2]]


def test_rows_that_shall_hold_again():
    found = rows(
        {"id": "N1", "measure": "cost", "period": "first", "at_most": 30},
        {"id": "P1", "measure": "cost"},
        periods={"first": ["20:00", "20:01"], "last": ["20:02", "20:03"]},
        again=[{"id": "P18", "rows": "N*", "period": "last"}],
    )
    measured = measure_rows(make_run(18, counting), found)
    assert {name: (one.value, one.met) for name, one in measured.items()} == {
        "N1": (21, True), "P1": (57, True), "P18.N1": (93, False),
    }  # fmt: skip


def test_some_rows_only():
    found = rows(
        {"id": "P1", "measure": "cost"}, {"id": "P10.a", "measure": "cost"}, {"id": "P10.b", "measure": "cost"}
    )
    assert [row.id for row in found.only(["P10"])] == ["P10.a", "P10.b"]
    assert list(measure_rows(make_run(6, counting), found, found.only(["P1", "*.b"]))) == ["P1", "P10.b"]


def test_a_label_that_the_run_does_not_have_names_the_row():
    with pytest.raises(ConfigError) as caught:
        measure_rows(make_run(6), rows({"measure": "mean(endpoint[shop.serch])"}))
    assert str(caught.value) == (
        "row R0: 'mean(endpoint[shop.serch])': there is no endpoint 'shop.serch'; did you mean 'shop.search'?"
    )


ROW = {"id": "A", "title": "t", "measure": "cost", "at_least": 1}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"rows": [{**ROW, "at_leest": 1}]}, "rows.0.at_leest: unknown key 'at_leest'; did you mean 'at_least'?"),
        (
            {"rows": [{**ROW, "at_least": None}]},
            "row A has no range; give at_least, at_most, above or below, or reported",
        ),
        (
            {"rows": [{**ROW, "unit": "%"}]},
            "unit: expected share, found '%'; ends of the range may be written as '15 %'",
        ),
        ({"rows": [{**ROW, "unit": "ms"}]}, "unit: expected s, found 'ms'"),
        (
            {"rows": [{**ROW, "unit": "1/s", "at_least": "5/s"}]},
            "at_least: expected a number in 1/s, such as 100, found '5/s'",
        ),
        ({"rows": [{**ROW, "unit": "USD/h", "at_least": [1]}]}, "at_least: expected a number in USD/h, such as 100"),
        ({"rows": [{**ROW, "at_least": 3, "at_most": 1}]}, "row A: no value is at least 3 and at most 1"),
        ({"rows": [{**ROW, "at_least": 3, "below": 3}]}, "row A: no value is at least 3 and below 3"),
        (
            {"periods": {"n": ["11:30", "11:20"]}, "rows": [ROW]},
            "periods.n: from 11:30 to 11:20 is more than half a day, over midnight",
        ),
        ({"rows": [{**ROW, "reported": True}]}, "row A is reported and has a range; leave out one of them"),
        ({"rows": [{"id": "A", "measure": "cost", "at_least": 1}]}, "rows.0.title: this key is missing"),
        ({"rows": [{**ROW, "measure": "meen(endpoint)"}]}, "rows.0.measure: there is no function 'meen'"),
        ({"rows": [{**ROW, "unit": "s"}]}, "such as '5 ms', found the bare number 1"),
        ({"rows": [{**ROW, "take": "worst"}]}, "rows.0.take: unknown value 'worst'"),
        (
            {"rows": [{**ROW, "period": "peek"}], "periods": {"peak": ["20:00", "23:00"]}},
            "row A: there is no period 'peek'; did you mean 'peak'?",
        ),
        ({"rows": [ROW, ROW]}, "there are two rows 'A'; give each an id of its own"),
        ({"periods": {"peak": [1200, 1380]}}, "in YAML put quotes around times"),
        ({"define": {"a": "1 +"}}, "define.a: expected an expression"),
    ],
)
def test_a_wrong_file_is_a_sentence(tmp_path, written, expected):
    path = tmp_path / "rows.yaml"
    path.write_text(yaml.safe_dump(written))
    with pytest.raises(ConfigError) as caught:
        read_rows(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_share_of_unlimited_servers_is_busy():
    unlimited = make_run(6, lambda k, values: values["station_servers"].__setitem__(..., np.inf))
    rows = Rows.model_validate({"rows": [{**ROW, "measure": "busy(station[shop.cpu])"}]})
    with pytest.raises(ConfigError, match=r"row A: .*busy: shop\.cpu has unlimited servers"):
        measure_rows(unlimited, rows)


def test_windows_that_are_not_made_of_whole_ones_show_nothing():
    rows = Rows.model_validate({"rows": [{**ROW, "window": "25 s"}, {**ROW, "id": "B", "window": "30 s"}]})
    found = measure_rows(make_run(30), rows)
    assert found["A"].lacks == "since windows of 25 s are not made of whole ones of the run, 10 s"
    assert (found["A"].met, found["B"].lacks) == (None, None)


def test_a_file_that_is_no_yaml_is_a_sentence(tmp_path):
    path = tmp_path / "rows.yaml"
    path.write_text("rows: [")
    with pytest.raises(ConfigError, match=r"rows\.yaml: "):
        read_rows(path)
    with pytest.raises(ConfigError, match="no such file or directory"):
        read_rows(tmp_path / "none.yaml")


def test_the_rows_of_streamflow_are_right():
    found = read_rows(Path(__file__).parents[2] / "conf" / "rows" / "streamflow.yaml")
    figures = {row.id.partition(".")[0] for row in found.every}
    every = {f"N{k}" for k in range(1, 16)} | {f"P{k}" for k in range(21)}
    assert every - figures == set()
    assert all(row.source for row in found.every)


def test_the_examples_of_the_documentation_are_right(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "what-a-run-shows.md").read_text(encoding="utf-8")
    examples = [part.split("```")[0] for part in page.split("```yaml\n")[1:]]
    path = tmp_path / "file.yaml"

    def read(beginning: str, reader):
        path.write_text(next(one for one in examples if one.startswith(beginning)))
        return reader(path)

    assert list(read("# conf/stories", read_stories).stories) == ["slow_database"]
    assert list(read("# conf/paths", read_paths)) == ["miss"]
    found = read("window: 5 min", read_rows)
    assert [row.id for row in found.every] == ["Q1", "Q9.Q1"]
    assert found.rows[0].bounds == {"at_least": 0.5}
