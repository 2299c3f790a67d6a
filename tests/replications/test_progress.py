import io

import pytest
from rich.console import Console

from sfmodel.replications.progress import Progress


def progress(terminal: bool, **options) -> tuple[io.StringIO, Progress]:
    out = io.StringIO()
    return out, Progress(
        "evening", range(1, 5), console=Console(file=out, force_terminal=terminal, width=100), **options
    )


def test_plain_lines_for_each_that_begins_or_ends_and_each_tenth():
    out, shown = progress(terminal=False)
    with shown:
        for share in (0.1, 0.2, 0.39, 0.4, 0.9):
            shown.report_of(1)(share, "20:00 simulated")
        shown.end(1)
        shown.end(2, "the disk is full")
    lines = out.getvalue().splitlines()
    assert [line.split(",")[0].removeprefix("evening: ") for line in lines] == [
        "seed 1 begins", "10 %", "20 %", "seed 1 finished", "seed 2 failed: the disk is full",
    ]  # fmt: skip
    assert "0 of 4 replications finished, 1 under way" in lines[1]


def test_a_terminal_has_a_line_for_each_under_way():
    logged: list[str] = []
    out, shown = progress(terminal=True, finished=[4], log=logged.append)
    with shown:
        shown.update(1, 0.5, "20:31 simulated")
        shown.update(2, 0.25, "19:10 simulated")
    assert "seed 1" in out.getvalue()
    assert "19:10 simulated" in out.getvalue()
    assert "1 of 4 replications finished, 2 under way" in out.getvalue()
    assert logged


@pytest.mark.parametrize("terminal", [True, False])
def test_what_several_say_is_shown_once(terminal):
    logged: list[str] = []
    out, shown = progress(terminal, log=logged.append)
    with shown:
        shown.say("compiling the kernels")
        for seed in (3, 4):
            shown.say("nothing was measured", seed)
    assert logged == ["evening: compiling the kernels", "evening: seed 3: nothing was measured"]
    for line in logged:
        assert out.getvalue().count(line) == 1
