"""The report in a real browser: everything works with pointer and keyboard, and nothing is fetched."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sfmodel.report import RunSubject
from sfmodel.report.sections.spreading import Services

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


class Opened:
    """A page, what it complained of, and what it wanted to fetch."""

    def __init__(self, browser: Any, path: Path, **how: Any) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True, **how)
        self.context.set_default_timeout(120_000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.wanted: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.context.on("request", lambda request: self.wanted.append(request.url))
        self.context.route(
            "**/*", lambda route: route.continue_() if route.request.url == path.as_uri() else route.abort()
        )
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-drawn=all]", state="attached")


@pytest.fixture(scope="module")
def opened(browser: Any, page: Path) -> Iterator[Opened]:
    one = Opened(browser, page, color_scheme="light")
    yield one
    assert one.complaints == []
    assert {url for url in one.wanted if not url.startswith(("data:", "blob:"))} == {page.as_uri()}
    one.context.close()


def becomes(opened: Opened, condition: str) -> None:
    """Waits until it is true; the page's own policy forbids what playwright has for this."""
    for _ in range(300):
        if opened.page.evaluate(condition):
            return
        opened.page.wait_for_timeout(100)
    raise AssertionError(f"after half a minute it is not so that {condition}")


def slider_at(opened: Opened) -> int:
    return int(opened.page.locator(".slider").input_value())


def test_it_is_small(page: Path) -> None:
    assert page.stat().st_size < 8e6


def test_the_slider_goes_by_keyboard_and_boxes_show_what_the_run_has(opened: Opened, planted: RunSubject) -> None:
    services = Services(planted)
    slider = opened.page.locator(".slider")
    slider.focus()
    slider.press("Home")
    assert slider_at(opened) == 0
    for _ in range(26):
        slider.press("ArrowRight")
    assert slider_at(opened) == 26
    assert "00:04:20" in slider.get_attribute("aria-valuetext")
    table = opened.page.locator(".at-this-time tbody tr")
    for k, name in enumerate(services.names):
        label = opened.page.locator(f"#service-{k}").get_attribute("aria-label")
        assert label.startswith(f"{name}: ")
        arrivals = services.arrivals[name][26] / services.width_s[26]
        shown = float(label.split(": ")[1].split(" arrivals")[0])
        assert shown == pytest.approx(arrivals, rel=0.06)  # two digits are shown
        assert table.nth(k).locator("th").text_content() == name
    slider.press("End")
    assert slider_at(opened) == len(services.starts_s) - 1


def test_the_cascade_is_drawn_in_its_time_and_not_before(opened: Opened, planted: RunSubject) -> None:
    (one,) = planted.cascades
    slider = opened.page.locator(".slider")
    slider.focus()
    slider.press("Home")
    assert opened.page.locator(".drag.on").count() == 0
    assert opened.page.locator(".now").text_content() == "none"
    for _ in range(int(np.searchsorted(planted.scene.time_s, one.peak_s))):
        slider.press("ArrowRight")
    assert opened.page.locator(".drag.on").count() >= 1
    assert " → ".join(one.path) in opened.page.locator(".now").text_content()
    assert one.cause in opened.page.locator(".now").text_content()


def test_it_plays_and_pauses(opened: Opened) -> None:
    slider, play = opened.page.locator(".slider"), opened.page.locator("button.play")
    slider.focus()
    slider.press("Home")
    play.focus()
    opened.page.keyboard.press("Enter")
    assert play.get_attribute("aria-label") == "Pause"
    opened.page.wait_for_timeout(1500)
    play.click()
    stopped = slider_at(opened)
    assert stopped > 0
    opened.page.wait_for_timeout(500)
    assert slider_at(opened) == stopped
    assert play.get_attribute("aria-label") == "Play"
    assert "requests fail" in opened.page.locator(".playing [role=status]").text_content()


def charts(opened: Opened) -> Any:
    return opened.page.locator("#curves .plot[data-drawn]")


def resting(opened: Opened, chart: Any) -> Any:
    """Where a chart's curves lie, once charts that are drawn as they come in sight move it no more."""
    before = None
    while (box := chart.locator(".nsewdrag").first.bounding_box()) != before:
        before = box
        opened.page.wait_for_timeout(200)
    return box


TOLD = (
    "[...document.querySelectorAll('#curves .plot[data-drawn]')].slice(0, 2)"
    ".map((one) => one.querySelector('.hoverlayer text')?.textContent)"
)
"""The time that the first two charts tell."""


def test_what_is_pointed_at_is_told_in_all_charts_in_sight(opened: Opened) -> None:
    first = charts(opened).nth(0)
    first.scroll_into_view_if_needed()
    box = resting(opened, first)
    opened.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    opened.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    becomes(opened, f"{TOLD}.length > 1 && {TOLD}.every((one) => one && one.startsWith('00:0') && one === {TOLD}[0])")
    opened.page.mouse.move(2, 2)


RANGES = """
[...document.querySelectorAll('.plot[data-drawn]')].filter((one) => one.layout.xaxis.type === 'date').map((one) =>
  one.layout.xaxis.range.map((x) => Math.round(new Date(typeof x === 'number' ? x : x.replace(' ', 'T') + 'Z') / 1000)))
"""


def ranges(opened: Opened) -> list[list[float]]:
    """From when to when each chart over time goes, s."""
    return opened.page.evaluate(RANGES)


def test_to_look_closer_in_one_chart_is_to_do_so_in_all(opened: Opened) -> None:
    first = charts(opened).nth(0)
    first.scroll_into_view_if_needed()
    whole = ranges(opened)
    box = resting(opened, first)
    y = box["y"] + box["height"] / 2
    opened.page.mouse.move(box["x"] + box["width"] * 0.3, y)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=5)
    opened.page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=5)
    opened.page.mouse.up()
    opened.page.wait_for_timeout(800)
    closer = ranges(opened)
    assert len(closer) > 4
    assert len({tuple(one) for one in closer}) == 1
    assert closer[0][1] - closer[0][0] == pytest.approx(0.3 * (whole[0][1] - whole[0][0]), rel=0.1)
    first.focus()
    opened.page.keyboard.press("0")
    opened.page.wait_for_timeout(500)
    assert ranges(opened)[0] == whole[0]


def test_a_chart_is_read_by_keyboard(opened: Opened) -> None:
    first = charts(opened).nth(0)
    first.focus()
    opened.page.keyboard.press("Home")
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.locator("#spoken").text_content().startswith("00:00:10: ")
    assert first.get_attribute("aria-labelledby")
    described = first.get_attribute("aria-describedby")
    assert opened.page.locator(f"#{described}").text_content().endswith(".")


def test_the_theme_is_switched_and_charts_follow(opened: Opened) -> None:
    button = opened.page.locator("#theme")

    def colours() -> tuple[str, str]:
        body = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return body, charts(opened).nth(0).evaluate("(one) => one.layout.font.color")

    light = colours()
    button.click()
    dark = colours()
    assert button.get_attribute("aria-label") == "Switch to light"
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    button.click()
    assert colours() == light


def test_it_is_dark_where_the_system_is(browser: Any, page: Path) -> None:
    one = Opened(browser, page, color_scheme="dark")
    assert one.page.locator("html").get_attribute("data-theme") == "dark"
    assert one.complaints == []
    one.context.close()


def test_the_data_of_the_graph_is_that_of_the_run(opened: Opened, planted: RunSubject, tmp_path: Path) -> None:
    with opened.page.expect_download() as download:
        opened.page.locator("a[download='services.csv']").click()
    download.value.save_as(tmp_path / "services.csv")
    rows = list(csv.DictReader((tmp_path / "services.csv").open()))
    ds = planted.ds
    assert len(rows) == ds.sizes["time"]  # ten minutes need no coarser windows
    owner = np.array([str(label).partition(".")[0] for label in ds["endpoint"].values])
    for name in dict.fromkeys(owner.tolist()):
        arrivals = ds["endpoint_arrivals"].values[:, owner == name].sum(axis=1)
        assert [int(row[f"{name}: arrivals"]) for row in rows] == arrivals.tolist()
    web = [str(label) for label in ds["station"].values if str(label).startswith("web.")]
    capacity = ds["station_servers"].sel(station=web) * ds["width"]
    busy = (ds["station_busy"].sel(station=web) / capacity).max("station").values
    assert [float(row["web: busy (share)"]) for row in rows] == pytest.approx(busy.tolist(), rel=1e-8)


def test_a_chart_is_a_table_too(opened: Opened, planted: RunSubject) -> None:
    details = opened.page.locator("#curves details.as-table").first
    details.locator("summary").focus()
    opened.page.keyboard.press("Enter")
    rows = details.locator("tbody tr")
    rows.first.wait_for()
    assert rows.count() == planted.ds.sizes["time"]
    assert rows.first.locator("td").first.text_content() == "00:00:00"
    assert details.locator("thead th").first.text_content() == "window"


def test_everything_is_reached_by_tab(opened: Opened) -> None:
    wanted = opened.page.evaluate(
        "[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]')]"
        ".filter((one) => one.checkVisibility()).map((one, k) => { one.dataset.stop = k; return k; })"
    )
    opened.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    reached: set[int] = set()
    opened.page.locator(".skip").focus()
    for _ in range(len(wanted) + 20):
        stop = opened.page.evaluate("document.activeElement.dataset.stop ?? null")
        reached |= {int(stop)} if stop is not None else set()
        opened.page.keyboard.press("Tab")
    assert set(wanted) <= reached


def test_it_is_printed_without_what_paper_cannot_do(opened: Opened, tmp_path: Path) -> None:
    opened.page.emulate_media(media="print")
    for gone in ("nav", "button.play", ".slider", "#theme", "a.data >> nth=0"):
        assert not opened.page.locator(gone).is_visible()
    assert opened.page.locator("#curves .plot").first.is_visible()
    opened.page.pdf(path=str(tmp_path / "report.pdf"))
    opened.page.emulate_media(media="screen")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_it_fits_a_narrow_window(opened: Opened) -> None:
    opened.page.set_viewport_size({"width": 400, "height": 800})
    becomes(opened, "document.documentElement.scrollWidth <= 400")
    opened.page.set_viewport_size({"width": 1280, "height": 900})


LEVELS = "[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))"
NAMELESS = """
[...document.querySelectorAll('svg.graph, svg.strip, .plot, input, [role=region]')]
  .filter((one) => !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby')).length
"""


def test_headings_go_down_one_level_at_a_time_and_everything_has_a_name(opened: Opened) -> None:
    levels = opened.page.evaluate(LEVELS)
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert opened.page.evaluate(NAMELESS) == 0
