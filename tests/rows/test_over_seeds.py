import io
import json
import math

import pytest
from rich.console import Console

from sfmodel.rows import Measured, Row
from sfmodel.rows.over_seeds import OverSeeds, over_seeds, seeds_data, seeds_table
from sfmodel.rows.table import verdict

ROW = Row.model_validate({"id": "R", "title": "Time", "measure": "x", "unit": "s", "at_least": "1 s", "at_most": "3 s"})


def measured(value: float | None) -> Measured:
    return Measured(ROW, value, None if value is None else ROW.holds(value))


@pytest.mark.parametrize(
    ("values", "mean", "met", "seeds_met"),
    [
        ((0.0, 5.0), 2.5, True, 0),  # by the mean
        ((2.0, 2.0, 8.0), 4.0, False, 2),
        ((2.0, None), 2.0, False, 1),  # a seed that does not show it
        ((2.0, math.inf), math.inf, False, 1),
        ((-math.inf, math.inf), None, None, 0),
        ((None,), None, None, 0),
        ((), None, None, 0),
    ],
)
def test_a_row_is_judged_by_the_mean(values, mean, met, seeds_met):
    one = OverSeeds(ROW, tuple(map(measured, values)))
    assert (one.mean.value, one.mean.met, one.seeds_met) == (mean, met, seeds_met)


@pytest.mark.parametrize(
    ("values", "met"),
    [
        ((60.0, 90.0, math.inf), False),  # two of three recover, though the mean is above
        ((3600.0, math.inf, math.inf), True),
        ((1200.0, 3600.0), True),  # 2400 s, by the mean
    ],
)
def test_where_a_value_is_infinite_each_is_judged(values, met):
    row = Row.model_validate({"id": "R", "title": "t", "measure": "x", "unit": "s", "above": "30 min"})
    one = OverSeeds(row, tuple(Measured(row, value, row.holds(value)) for value in values))
    assert one.mean.met is met
    assert (one.interval.ends is None) == (math.inf in values)


@pytest.mark.parametrize("values", [(2.0, 8.0), (2.0, None), (math.inf, 1.0)])
def test_a_row_that_is_reported_is_neither_met_nor_missed(values):
    row = Row.model_validate({"id": "R", "title": "t", "measure": "x", "unit": "s", "reported": True})
    one = OverSeeds(row, tuple(Measured(row, value, None) for value in values))
    assert one.mean.met is None
    assert (one.cells[2], one.cells[5], one.seeds_met) == ("reported", "–", None)


def test_a_row_that_does_not_apply_is_said_to_be_so():
    absent = Measured(ROW, None, None, "there is no endpoint 'a.b'", applies=False)
    found = over_seeds([{"R": absent}] * 2)
    assert found["R"].cells[3:] == ("n/a", "–", "–")
    (data,) = seeds_data(found, [1, 2])
    assert (data["applies"], data["met"], data["lacks"]) == (False, None, "there is no endpoint 'a.b'")
    said = verdict({"R": found["R"].mean})
    assert said == "1 do not apply to this run: R.\nIt lacks what they name: there is no endpoint 'a.b'"


def test_a_row_that_some_seed_does_not_show_is_not_met_and_says_why():
    found = over_seeds([{"R": measured(value)} for value in (2.0, None)])
    assert found["R"].mean.lacks == "shown by 1 of 2 seeds"
    said = verdict({"R": found["R"].mean})
    assert said == "0 of 1 figures are reproduced; not met: R (shown by 1 of 2 seeds)."


def test_the_table_has_mean_interval_and_seeds():
    found = over_seeds([{"R": measured(value)} for value in (1.0, 2.0, 3.0)])
    out = io.StringIO()
    Console(file=out, width=80).print(seeds_table(found, "evening"))
    line = " ".join(out.getvalue().splitlines()[-1].split())
    assert line == "✓ R Time 1–3 s 2 s -484 ms – 4.48 s 3/3"  # 2 ± 4.302653/√3


def test_the_data_has_the_value_of_each_seed():
    found = over_seeds([{"R": measured(value)} for value in (1.0, 2.0, None)])
    (data,) = seeds_data(found, [7, 8, 9])
    assert data["values"] == {"7": 1.0, "8": 2.0, "9": None}
    assert (data["value"], data["met"], data["seeds"], data["seeds_met"]) == (1.5, False, 3, 2)
    assert data["high"] == pytest.approx(1.5 + 12.706205 * math.sqrt(0.5) / math.sqrt(2))
    json.dumps(data, allow_nan=False)
