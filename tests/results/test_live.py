import io
import time
from types import SimpleNamespace

from evening import LABELS, window_values
from rich.console import Console

from sfmodel.live import Live


def show(windows: int, terminal: bool, warmed: tuple[float, ...] = (), **options: object) -> tuple[str, Live]:
    run = SimpleNamespace(
        name=None, platform=SimpleNamespace(name="demo"), start=72000.0, until=72000.0 + 10 * windows, warmup=600.0
    )
    out = io.StringIO()
    with Live(run, LABELS, Console(file=out, force_terminal=terminal, width=120), **options) as live:  # type: ignore[arg-type]
        for time_s in warmed:
            live.warm(time_s)
        for k in range(windows):
            live.update(k, 72010.0 + 10 * k, window_values(k))
            time.sleep(0.001)
    return out.getvalue(), live


def test_plain_lines_every_tenth_when_not_a_terminal():
    written, _ = show(50, terminal=False)
    lines = written.splitlines()
    assert len(lines) == 10
    assert lines[4].startswith("demo: 20:04 simulated, 50 %")
    assert "errors 10 %, hits 80 %, longest queue 24 at engine.workers" in lines[4]
    assert "× real time" in lines[4]
    assert lines[-1].startswith("demo: 20:08 simulated, 100 %")


def test_speed_is_known_from_the_second_window_on_without_what_came_before_the_first():
    written, _ = show(3, terminal=False)
    assert ["real time" in line for line in written.splitlines()] == [False, True, True]


def test_the_last_minute_is_what_counts():
    _, live = show(50, terminal=False)
    assert len(live._recent) == 6


def test_a_terminal_gets_a_bar_and_the_log_its_lines():
    logged: list[str] = []
    written, _ = show(20, terminal=True, log=logged.append)
    assert "━" in written
    assert len(logged) == 10


def test_a_run_without_windows_shows_nothing_wrong():
    show(0, terminal=False)
    show(0, terminal=True)


def test_the_warm_up_is_announced_and_followed():
    written, _ = show(1, terminal=False, warmed=(71400.0, 71550.0))
    assert written.splitlines()[0] == "demo: warming up, 19:50 to 20:00, 0 %"
    assert written.splitlines()[1].startswith("demo: 20:00 simulated, 100 %")
    reported: list[tuple[float, str]] = []
    show(1, terminal=False, warmed=(71550.0,), report=lambda share, state: reported.append((share, state)))
    assert reported == [(0.0, "warming up, 19:52 to 20:00, 25 %")]
    assert "warming up, 19:52 to 20:00, 25 %" in show(0, terminal=True, warmed=(71550.0,))[0]
    assert "20:00 simulated" in show(0, terminal=True, warmed=(71550.0, 72000.0))[0]
