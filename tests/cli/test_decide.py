"""`sfmodel decide`, as typed, on a platform of one station."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import TINY

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


def test_the_best_of_three_is_found_and_its_settings_are_said(sfmodel: Command) -> None:
    words = ("decide", "--platform", "tiny", "--changes", "more,fewer", "--within", "30min", "--folder", "runs/d")
    status, output, complaints = sfmodel(*words, "until=0:02")

    assert (status, complaints) == (0, "")
    assert "3 changes, by response_mean, within 30min; runs are kept in runs/d" in output
    assert "more is best, with a probability of" in output
    assert "to ship: sfmodel run platform=tiny 'intervention=[more]'\n  intervention.more.servers=14" in output
    assert output.index("│ more") < output.index("│ none") < output.index("│ fewer")
    assert "weeks" in output
    assert Path("runs/d/more,seed=1/MANIFEST.json").exists()

    again = sfmodel(*words[:-3], "1s", "--folder", "runs/d", "until=0:02")[1]
    assert "more,seed=1 ended" in again  # it was there


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--changes", "mroe"), "there is no intervention 'mroe'; did you mean 'more'?"),
        (("--changes", "more", "--within", "soon"), "--within: "),
        ((), "say what to compare: --changes a,b,a+b"),
        (("--changes", "none"), "name at least one"),
    ],
)
def test_a_mistake_is_one_sentence(sfmodel: Command, words: tuple[str, ...], said: str) -> None:
    status, _, complaints = sfmodel("decide", "--platform", "tiny", *words)
    assert status == 2
    assert said in complaints
