"""What panels show: lines, units, the ranges of the case study; on paper and in a terminal."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from small_run import make_run, recorded_run

from sfmodel.cli import main
from sfmodel.errors import ConfigError
from sfmodel.figures.evening import evening_of, platform_panels
from sfmodel.figures.panel import Panel, read_panels
from sfmodel.figures.panels import Claim, lines_of
from sfmodel.figures.peak_hours import peak_hours
from sfmodel.figures.terminal import terminal_panels

EIGHT = 72000.0
ROWS = {
    "periods": {"before": ["20:00", "20:01"], "peak": ["20:02", "20:04"]},
    "define": {"spent": "rate(cost)"},
    "rows": [
        {"id": "B", "title": "t", "measure": "spent", "period": "before", "at_least": 1, "at_most": 2},
        {"id": "P", "title": "t", "measure": "spent", "period": "peak", "at_most": 5},
        {"id": "R", "title": "t", "measure": "spent", "period": "peak", "relative_to": "before", "at_least": 3},
        {"id": "S", "title": "t", "measure": "hit_rate(cache)", "unit": "share", "at_least": "75 %"},
    ],
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Four minutes, a dollar a second, three in the last two; 80 % hits; the rows of its platform under ./conf."""
    monkeypatch.chdir(tmp_path)
    write("conf/rows/shop.yaml", ROWS)
    return make_run(24, edit, platform="shop", title="The shop", peak_hours=["20:02", "20:04"])


def edit(k, values):
    values["cost"][...] = 10 if k < 12 else 30
    values["cache_hits"][:], values["cache_misses"][:] = 80, 20
    values["queue_length"][:] = 0 if k < 6 else 10 * 1000
    values["limiter_passed"][:], values["limiter_refused"][:] = 50, 10


def write(path: str, content: dict) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(yaml.safe_dump(content))


def shown(run, **panel):
    return lines_of(evening_of(run), Panel.model_validate(panel))


def test_a_line_of_what_the_run_does_not_have_says_so_and_a_panel_of_nothing_else_is_left_out(run):
    known, unknown = {"measure": "rate(cost)"}, {"measure": "rate(tickets)"}
    found = shown(run, panel="measures", unit="USD/s", lines={"cost": known, "tickets": unknown})
    assert list(found.lines) == ["cost", "tickets: not in this run"]
    assert np.isnan(found.lines["tickets: not in this run"]).all()
    assert shown(run, panel="measures", unit="USD/s", lines={"tickets": unknown}) is None
    assert peak_hours(run, [Panel.model_validate({"panel": "measures", "lines": {"a": known, "b": unknown}})]).axes


def test_lines_of_rows_have_their_ranges_over_their_hours(run):
    found = shown(run, panel="measures", unit="USD/s", lines={"cost": {"rows": ["B", "P"]}})
    assert found.lines["cost"].tolist() == [1.0] * 12 + [3.0] * 12
    assert found.claims == (
        Claim("cost", EIGHT, EIGHT + 60, 1, 2), Claim("cost", EIGHT + 120, EIGHT + 240, None, 5),
    )  # fmt: skip


def test_a_relative_range_is_of_the_line_in_the_other_period(run):
    found = shown(run, panel="measures", lines={"cost": {"measure": "rate(cost)", "rows": ["R"]}})
    assert found.claims == (Claim("cost", EIGHT + 120, EIGHT + 240, 3.0, None),)


def test_units_of_a_panel(run):
    found = shown(run, panel="measures", unit="%", lines={"hits": {"rows": ["S"]}})
    assert found.lines["hits"] == pytest.approx(np.full(24, 80.0))
    assert [(claim.low, claim.high) for claim in found.claims] == [(75.0, None)]
    assert (found.claims[0].start_s, found.claims[0].end_s) == (EIGHT, EIGHT + 240)


def test_an_expression_may_use_what_the_rows_define(run):
    assert shown(run, panel="measures", lines={"a": {"measure": "2 * spent"}}).lines["a"][0] == 2.0


def test_labels_are_called_as_the_panel_says(run):
    assert list(shown(run, panel="limiter_use", show={"web.clients": "Clients"}).lines) == [
        "Clients asked",
        "Clients passed",
    ]
    assert list(shown(run, panel="hit_rate", show={"shop.pages": "Pages"}).lines) == ["Pages"]
    assert list(shown(run, panel="hit_rate", show=["shop.pages"]).lines) == ["shop.pages"]


def test_a_row_that_is_not_there_is_a_sentence(run):
    with pytest.raises(ConfigError, match="panel 'Money': there is no row 'Q'; valid are: B, P, R, S"):
        shown(run, panel="measures", title="Money", lines={"a": {"rows": ["Q"]}})


def test_a_line_needs_something_to_show(tmp_path):
    (tmp_path / "panels.yaml").write_text("panels: [{panel: measures, lines: {a: {}}}]")
    with pytest.raises(ConfigError, match=r"panels\.0\.lines\.a: expected a measure, or rows that have one"):
        read_panels(tmp_path / "panels.yaml")


def test_the_panels_of_streamflow_fit_its_rows():
    from sfmodel.rows import read_rows

    conf = Path(__file__).parents[2] / "conf"
    panels = read_panels(conf / "figures" / "streamflow.yaml")
    rows = {row.id for row in read_rows(conf / "rows" / "streamflow.yaml").rows}
    assert {name for panel in panels for line in panel.lines.values() for name in line.rows} <= rows


PANELS = [
    {
        "panel": "measures", "title": "Money", "unit": "USD/s", "levels": {"budget": 4},
        "lines": {"cost": {"rows": ["B", "P", "R"]}},
    },
    {"panel": "measures", "title": "Hits", "unit": "%", "lines": {"hits": {"rows": ["S"]}}},
    {"panel": "queue_length", "title": "Letters", "log": True, "lowest": 1, "show": {"shop.mail": "letters"}},
]  # fmt: skip


def test_the_evening_is_drawn_with_its_ranges_and_peak(run, tmp_path):
    write("conf/figures/shop.yaml", {"panels": PANELS})
    figure = peak_hours(run)
    money, hits, letters = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Money", "Hits", "Letters"]
    assert [text.get_text() for text in money.get_legend().get_texts()] == ["cost", "budget"]
    assert {collection.get_hatch() for collection in money.collections} == {"///"}  # one closed range
    edges = [set(line.get_ydata()) for line in money.lines]
    assert [edge in edges for edge in ({1.0}, {2.0}, {5.0}, {3.0}, {4.0})] == [True] * 5
    assert hits.get_ylim()[0] == 0
    assert (letters.get_yscale(), letters.get_ylim()[0]) == ("log", 1)
    assert "what the case study says" in figure.texts[1].get_text()


def test_panels_in_a_terminal(run):
    write("conf/figures/shop.yaml", {"panels": PANELS})
    head, money, hits, letters = terminal_panels(run, width=60, height=12, colour=False)
    assert head == "The shop, 20:00 to 20:04"
    assert "Money, USD/s" in money
    assert money.splitlines()[-1].split() == ["⢕", "cost", "-", "budget", "·", "case", "study", ":", "peak", "hours"]
    assert "20:01" in money
    assert money.splitlines()[2].strip().startswith("5")  # the top of the axis is the highest end of a range
    assert "\x1b" not in money + hits + letters
    assert max(len(line) for line in money.splitlines()) == 60
    assert money.count(":") > 10  # the peak's beginning
    assert letters.splitlines()[2].strip().startswith("1000")
    assert [", logarithmic" in text for text in (letters, money)] == [True, False]


def test_a_trigger_is_marked_in_a_terminal(run):
    panels = [Panel(panel="counters", show={"cost": "dollars"})]
    event = {"at": "20:02", "for": "1 min", "set": {"services.shop.stations.cpu.servers": 1}}
    triggered = run.assign_attrs(config={"scenario": {"events": [event]}})
    plain, drawn = (list(terminal_panels(ds, colour=False, panels=panels))[1] for ds in (run, triggered))
    assert "!" not in plain
    assert drawn.count("!") > 10  # both ends, and the legend
    assert drawn.endswith("! trigger")


def test_a_legend_in_a_terminal_takes_as_many_lines_as_it_needs(run):
    names = ("dollars that were spent on everything", "and a second line", "and a third one")
    lines = {name: {"measure": "rate(cost)"} for name in names}
    panels = [Panel.model_validate({"panel": "measures", "lines": lines})]
    for colour in (True, False):
        drawn = list(terminal_panels(run, width=60, colour=colour, panels=panels))[1]
        assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in drawn.splitlines()) == 60
        assert "and a third one" in drawn.splitlines()[-1]


def test_colours_are_optional(run):
    panels = [Panel(panel="counters", show={"cost": "dollars"})]
    plain = list(terminal_panels(run, colour=False, panels=panels))[1]
    coloured = list(terminal_panels(run, colour=True, panels=panels))[1]
    assert "\x1b[38;2;0;114;178m" in coloured  # the blue of Okabe and Ito
    assert "\x1b" not in plain


def test_a_platform_without_panels_gets_those_that_it_can_fill(run):
    assert platform_panels(run)[0].panel == "demand"
    assert len(list(terminal_panels(run))) > 4


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "COLUMNS", "70")
    recorded_run("tiny", 24, edit, platform="shop", title="The shop")
    assert main(["plot", "tiny", "--terminal"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("The shop, 20:00 to 20:04")
    assert max(map(len, output.splitlines())) == 70
    assert "\x1b" not in output  # no terminal, no colours
    assert not (tmp_path / "runs" / "tiny" / "figures").exists()
