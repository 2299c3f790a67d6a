import io
import json
import math

import pytest
from rich.console import Console

from sfmodel.rows import Measured, Row
from sfmodel.rows.over_seeds import OverSeeds, over_seeds, seeds_data, seeds_table

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
        ((None,), None, None, 0),
        ((), None, None, 0),
    ],
)
def test_a_row_is_judged_by_the_mean(values, mean, met, seeds_met):
    one = OverSeeds(ROW, tuple(map(measured, values)))
    assert (one.mean.value, one.mean.met, one.seeds_met) == (mean, met, seeds_met)


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
