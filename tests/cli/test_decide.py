"""`sfmodel decide`, as typed, on a platform of one station."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import TINY

from sfmodel.sweeps import deciding

Command = Callable[..., tuple[int, str, str]]
SERVERS = """# @package intervention.{name}
title: Servers
effort: {effort}
undo: hours
servers: {servers}
changes:
  - set: {{services.server.stations.servers.servers: "${{intervention.{name}.servers}}"}}
"""


@pytest.fixture(autouse=True)
def _platform(tmp_path: Path) -> None:
    """Ten servers, of which eight are busy; more of them, and fewer."""
    for group in ("platform", "intervention"):
        (tmp_path / "conf" / group).mkdir(parents=True)
    (tmp_path / "conf/platform/tiny.yaml").write_text(TINY, encoding="utf-8")
    for name, effort, servers in (("more", "weeks", 14), ("fewer", "days", 9)):
        text = SERVERS.format(name=name, effort=effort, servers=servers)
        (tmp_path / f"conf/intervention/{name}.yaml").write_text(text, encoding="utf-8")


def test_the_best_of_three_is_found_and_its_settings_are_said(
    sfmodel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "ENOUGH", deciding.SURE)  # fewer runs
    monkeypatch.setattr(deciding, "LAST", deciding.FEWEST)
    words = ("decide", "--platform", "tiny", "--changes", "more,fewer", "--within", "30min", "--folder", "runs/d")
    status, output, complaints = sfmodel(*words, "until=0:02")

    assert (status, complaints) == (0, "")
    assert "3 changes, by response_mean, within 30min; runs are kept in runs/d" in output
    assert "more is best, with a probability of" in output
    assert "to ship: sfmodel run platform=tiny 'intervention=[more]'\n  intervention.more.servers=14" in output
    assert output.index("│ more") < output.index("│ none") < output.index("│ fewer")
    assert "weeks" in output
    assert Path("runs/d/more,seed=1/MANIFEST.json").exists()

    made = Path("runs/d/more,seed=1/MANIFEST.json").stat().st_mtime_ns
    again = sfmodel(*words, "until=0:02")[1]
    assert "more,seed=1 ended" in again
    assert Path("runs/d/more,seed=1/MANIFEST.json").stat().st_mtime_ns == made  # it was there


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--changes", "more,llm_timeout"),
            "intervention.llm_timeout.changes.0: 'services.llm.caches.descriptions': there is no 'llm'",
        ),
        (("--changes", "mroe"), "there is no intervention 'mroe'; did you mean 'more'?"),
        (("--changes", "more", "--within", "soon"), "--within: "),
        ((), "say what to compare: --changes a,b,a+b"),
        (("--changes", "none"), "name at least one"),
        (("--changes", "more+more"), "'more+more' is no set; name each intervention once, and none alone"),
        (("--changes", "more,more+none"), "'more+none' is no set"),
        (("--changes", "more", "platform=tny"), "--platform: there is no platform 'tny'; did you mean 'tiny'?"),
        (("--platform", "tny", "--changes", "more"), "--platform: there is no platform 'tny'; did you mean 'tiny'?"),
        (("--changes", "more", "--aim", "respons_p95"), "do not show 'respons_p95'; did you mean 'response_p95'?"),
        (("--changes", "more", "--aim", "response_p95"), "say which way is better, --better more or less"),
        (
            ("--platform", "streamflow", "--aim", "within_sla", "--better", "less"),
            "of the aim 'within_sla' more is better",
        ),
    ],
)
def test_a_mistake_is_one_sentence(sfmodel: Command, words: tuple[str, ...], said: str) -> None:
    status, _, complaints = sfmodel("decide", "--platform", "tiny", *words)
    assert status == 2
    assert said in complaints
    assert not Path("runs").exists()


def test_a_folder_with_runs_of_another_request_is_refused_with_the_difference(sfmodel: Command) -> None:
    words = ("decide", "--platform", "tiny", "--changes", "more,fewer", "--within", "1s", "--folder", "runs/d")
    sfmodel("run", "platform=tiny", "until=0:02", "intervention=[more]", "seed=1", "name='more,seed=1'")
    Path("runs/d").mkdir()
    Path("runs/more,seed=1").rename("runs/d/more,seed=1")

    status, output, complaints = sfmodel(*words, "demand.level=1.03")

    assert (status, output) == (2, "")
    assert "--folder: runs/d/more,seed=1 is a run of another request, which this would be ranked with: " in complaints
    assert "demand.level was" in complaints
    assert complaints.endswith("give another folder, or the same words as then\n")
    assert sfmodel(*words, "until=0:02")[::2] == (0, "")


def test_a_figure_that_is_no_aim_is_ranked_the_way_that_is_said(sfmodel: Command) -> None:
    words = ("decide", "--platform", "tiny", "--changes", "fewer", "--within", "30min", "until=0:02")
    status, output, _ = sfmodel(*words, "--aim", "waiting.server.servers", "--better", "more")
    assert status == 0
    assert output.index("│ fewer") < output.index("│ none")


def test_a_folder_of_runs_is_no_sweep(sfmodel: Command) -> None:
    sfmodel("run", "platform=tiny", "until=0:02", "name=one")
    status, _, complaints = sfmodel("effects", "runs")
    assert status == 2
    assert "runs has runs, but they are no sweep, made by 'sfmodel run -m'" in complaints
