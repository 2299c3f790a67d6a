import math

import pytest
from evening import LABELS
from small_run import make_run

from sfmodel.clock import clock
from sfmodel.errors import ConfigError, RunError
from sfmodel.figures import FIGURES, draw
from sfmodel.figures.dependencies import dependencies, service_flows
from sfmodel.figures.evening import evening_of, limits_per_s
from sfmodel.figures.panel import Panel, read_panels
from sfmodel.figures.peak_hours import peak_hours
from sfmodel.figures.style import day_clock, short_number


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_every_figure_is_drawn_as_svg_and_png(make_run, tmp_path):
    files = draw(make_run(60, peak_hours=["20:00", "23:00"]), tmp_path)
    assert {file.name for file in files} == {f"{name}.{ending}" for name in FIGURES for ending in ("svg", "png")}
    assert all(file.stat().st_size > 1000 for file in files)


def test_an_evening_is_drawn(make_run, tmp_path):
    ds = make_run(3060, start_s=55800.0, load=lambda t: 1 + 2 * math.exp(-(((t - 77400) / 6000) ** 4)))
    assert len(draw(ds, tmp_path, ["peak_hours"])) == 2


def test_the_same_data_draw_the_same_file(make_run, tmp_path):
    first, second = (draw(make_run(20), tmp_path / name, ["peak_hours"], ["svg"])[0] for name in "ab")
    assert first.read_text() == second.read_text()


def test_panels_are_those_the_dataset_can_fill(make_run):
    shown = titles(peak_hours(make_run(6, labels={**LABELS, "cache": [], "limiter": [], "queue": []})))
    assert "Response time" in shown
    assert "Cache hit rate" not in shown
    assert "Use of the limit" not in shown


LONG = {
    **LABELS,
    "station": ["engine.workers", "vectordb.queries_by_nearest_neighbour", "notification.push_gateways"],
    "limiter": ["engine.a_limiter_with_a_name_that_is_longer_than_half_a_page_of_a_figure_is_wide"],
}


@pytest.mark.parametrize("labels", [LABELS, LONG])
def test_no_legend_is_wider_than_its_panel_and_no_line_touches_the_top(make_run, labels):
    figure = peak_hours(make_run(12, labels=labels))
    assert len(figure.axes) > 6
    for axes in figure.axes:
        assert axes.get_legend().get_window_extent().x1 <= axes.get_window_extent().x1
        top = axes.get_ylim()[1]
        assert top == 100 or all(max(line.get_ydata(), default=0) < top for line in axes.get_lines()), axes.get_title()


def test_a_legend_of_many_long_names_stays_below_the_panel_above(make_run):
    names = [f"errors of the kind number {k}" for k in range(6)]
    lines = {name: {"measure": "rate(endpoint_arrivals)"} for name in names}
    panels = [Panel.model_validate({"panel": "measures", "unit": "1/s", "lines": lines})] * 4
    figure = peak_hours(make_run(12), panels)
    figure.canvas.draw()
    for above, below in zip(figure.axes[:2], figure.axes[2:], strict=True):
        title = below.title if below.title.get_text() else below._left_title
        assert title.get_window_extent().y1 < above.get_tightbbox().y0


def test_labels_of_flows_hide_neither_each_other_nor_a_service(make_run):
    callers = [f"s{k}" for k in range(5)]
    calls = [f"{one}.get>{other}.get" for one in callers for other in ("cache", "db")]
    labels = {
        "service": [*callers, "cache", "db"],
        "endpoint": [f"{s}.get" for s in (*callers, "cache", "db")],
        "call": calls,
    }
    (axes,) = dependencies(make_run(2, labels=labels)).axes
    places = [text.get_position() for text in axes.texts if text.get_text()]
    assert len(places) == len(calls) + 7
    assert all("e+" not in text.get_text() and "nan" not in text.get_text() for text in axes.texts)
    near = [
        (a, b) for k, a in enumerate(places) for b in places[:k] if abs(a[0] - b[0]) < 0.05 and abs(a[1] - b[1]) < 0.03
    ]
    assert near == []


def test_what_is_sent_has_no_duration(make_run):
    ds = make_run(2).load()
    ds["call_outcomes"][:] = 0
    texts = [text.get_text() for text in dependencies(ds).axes[0].texts]
    assert "10/s" in texts


def test_a_platform_of_sources_only_is_drawn_too(make_run, tmp_path):
    labels = {"service": ["a"], "endpoint": ["a.b"], "station": ["a.cpu"]}
    assert draw(make_run(6, labels=labels), tmp_path)


def test_a_run_without_windows_is_refused(make_run, tmp_path):
    with pytest.raises(RunError, match="nothing to draw"):
        draw(make_run(0), tmp_path)


def test_wrong_names_are_refused_with_the_nearest(make_run, tmp_path):
    with pytest.raises(ConfigError, match="unknown figure 'peak_hour'; did you mean 'peak_hours'"):
        draw(make_run(1), tmp_path, ["peak_hour"])
    with pytest.raises(ConfigError, match="unknown format 'pgn'; did you mean 'png'"):
        draw(make_run(1), tmp_path, formats=["pgn"])


def test_a_wrong_panel_is_refused(tmp_path):
    path = tmp_path / "panels.yaml"
    path.write_text("panels:\n  - panel: hitrate\n")
    with pytest.raises(ConfigError, match=r"panels\.0\.panel: unknown panel 'hitrate'; did you mean 'hit_rate'"):
        read_panels(path)
    path.write_text("panels:\n  - panel: demand\n    titel: x\n")
    with pytest.raises(ConfigError, match=r"panels\.0\.titel: unknown key 'titel'; did you mean 'title'"):
        read_panels(path)


def test_limits_come_from_the_configuration(make_run):
    limiters = {
        "quota": {"kind": "gcra", "rate": "500/min", "key": None},
        "window": {"kind": "fixed_window", "limit": 60, "window": "1 min"},
        "computed": {"kind": "gcra", "rate": 5.0, "key": None},  # by a program, in base units
        "clients": {"kind": "sliding_window", "limit": 1000, "window": 60.0, "key": "address"},
    }
    ds = make_run(1, config={"platform": {"services": {"llm": {"limiters": limiters}}}})
    assert limits_per_s(ds) == pytest.approx({"llm.quota": 500 / 60, "llm.window": 1.0, "llm.computed": 5.0})


def test_flows_between_services(make_run):
    flows = service_flows(make_run(2))
    assert set(flows) == {("gateway", "engine"), ("engine", "cache")}
    rate_per_s, mean_s = flows["gateway", "engine"]
    assert rate_per_s == pytest.approx(10.0)
    assert mean_s == pytest.approx(0.113, rel=0.1)


def test_clock():
    assert [day_clock(0), day_clock(72000), day_clock(86400), day_clock(90000), day_clock(72005, seconds=True)] == [
        "00:00", "20:00", "24:00", "01:00", "20:00:05",
    ]  # fmt: skip


def test_events_of_the_scenario_are_marked_as_far_as_the_run_goes():
    events = [{"at": "19:50", "for": "15 min"}, {"at": "20:06"}, {"at": "21:00", "for": "5 min"}]
    evening = evening_of(make_run(48, config={"scenario": {"events": events}, "platform": {}}))
    assert evening.triggers == [(72000.0, 72300.0), (72360.0, 72360.0)]  # one without an end is a moment
    assert evening_of(make_run(6)).triggers == []


def test_timed_arrivals_are_marked_but_not_a_long_list_of_them():
    def triggers(at):
        return evening_of(make_run(48, config={"platform": {"sources": {"viral": {"at": at}}}})).triggers

    assert triggers(["20:01", "23:00"]) == [(72060.0, 72060.0)]
    assert triggers([f"20:{minute:02d}" for minute in range(30)]) == []


def test_times_before_midnight_of_day_1_have_a_sign():
    assert [clock(-60), clock(-5400), clock(-3661, seconds=True), clock(0)] == ["-0:01", "-1:30", "-1:01:01", "00:00"]


def test_numbers_beside_each_other_have_one_unit():
    assert [short_number(value, 10_000) for value in (0, 2500, 10_000)] == ["0", "2.5 k", "10 k"]
    assert [short_number(value, 9000) for value in (0, 2500, 0.5)] == ["0", "2500", "0.5"]
    assert short_number(2.5e6, 3e6) == "2.5 M"
