"""What is cut is what an edge says, and a symptom stays where it comes from elsewhere."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from sfmodel.cli import main
from sfmodel.diagnosis import Cascade, Edge, cascades
from sfmodel.diagnosis.ablation import Ablation, Ablations, _name
from sfmodel.diagnosis.edges import USERS
from sfmodel.errors import ConfigError
from sfmodel.results.folder import RunFolder
from sfmodel.running import run_in_memory

from .planted import BEGINS_S, LASTS_S, platform, troubled
from .test_cascades import SHOP


def ablated(mapping: dict[str, Any], more: tuple[Cascade, ...] = ()) -> list[Ablation]:
    """Every edge of the cascades of a run, cut."""
    ds = run_in_memory(mapping)
    ablations = Ablations(ds, more or cascades(ds))
    found = []
    for k in range(len(ablations.edges)):
        without = ablations.mapping(k)
        found.append(ablations.judged(k, run_in_memory({**without, "forks": []}) if without else None))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_every_edge_of_a_planted_cascade_holds(seed: int) -> None:
    found = ablated(troubled(seed)[1])
    assert found
    assert {one.verdict for one in found} == {"holds"}


def test_misses_hold_where_the_cache_is_what_fails() -> None:
    found = {(one.edge.source, one.edge.target): one for one in ablated(SHOP) if one.edge.how == "misses"}
    assert found["memory", "database"].verdict == "holds"
    assert found["memory", "database"].symptom == "web"


def test_the_run_is_the_same_until_the_edge_is_cut() -> None:
    _, mapping, _ = troubled(3)
    ds = run_in_memory(mapping)
    ablations = Ablations(ds, cascades(ds))
    without = ablations.mapping(0)
    assert without is not None
    other = run_in_memory({**without, "forks": []})
    before = ds["time"].values < float(without["switch_on"].removesuffix(" s"))
    assert before.sum() >= 20
    for name in ("endpoint_outcomes", "endpoint_time", "call_attempts"):
        was = ds[name].values[before]  # the stand-in comes behind what was there
        assert (was == other[name].values[: before.sum(), : was.shape[1]]).all()


def test_an_edge_that_is_not_there_does_not_hold() -> None:
    """Web fails by itself while it goes on to call a service that is in no trouble."""
    tiers, mapping = platform(2)
    key = "services.web.endpoints.do.steps.breaks.with_probability"
    event = {"at": f"{BEGINS_S} s", "for": f"{LASTS_S} s", "set": {key: 0.5}}
    child = next(name for name, parent in tiers.parent.items() if parent == "web")
    edge = Edge(child, "web", "fails", 1.0, BEGINS_S)
    wrong = Cascade(child, 1.0, (child, "web"), BEGINS_S, BEGINS_S + 60, BEGINS_S + LASTS_S, False, (edge,))
    (found,) = ablated({**mapping, "scenario": {"title": "Web fails", "events": [event]}}, (wrong,))
    assert found.verdict == "does not hold"
    assert found.left == pytest.approx(1, abs=0.1)  # 5400 failures, 2 % of them is two standard deviations and more


def test_a_service_may_be_called_as_those_who_ask() -> None:
    _, mapping, origin = troubled(2)
    text = (
        json.dumps(mapping)
        .replace(f'"{origin}"', '"users"')
        .replace(f'"{origin}.', '"users.')
        .replace(f".{origin}.", ".users.")
    )
    found = ablated(json.loads(text))
    assert [(one.edge.source, one.edge.target, one.verdict) for one in found] == [("users", "web", "holds")]


def test_a_run_with_interventions_that_came_later_is_refused() -> None:
    _, mapping, _ = troubled(0)
    own = {"title": "Faster", "changes": [{"set": {"services.web.stations.cpu.speed": 2}}]}
    ds = run_in_memory({**copy.deepcopy(mapping), "intervention": {"faster": own}, "switch_on": "60 s"})
    with pytest.raises(ConfigError, match="a cut cannot be switched on besides"):
        Ablations(ds, [])


def test_a_run_with_interventions_from_the_beginning_has_them_when_an_edge_is_cut() -> None:
    _, mapping, _ = troubled(2)
    own = {"title": "More", "changes": [{"set": {"services.web.stations.cpu.servers": 50}}]}
    ds = run_in_memory({**copy.deepcopy(mapping), "intervention": {"more": own}})
    ablations = Ablations(ds, cascades(ds))
    without = ablations.mapping(0)
    assert without is not None
    assert without["platform"]["services"]["web"]["stations"]["cpu"]["servers"] == 50
    assert ablations.judged(0, run_in_memory({**without, "forks": []})).verdict == "holds"


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sfmodel.running import run_to_folder

    monkeypatch.chdir(tmp_path)
    _, mapping, origin = troubled(2)
    run_to_folder({**mapping, "name": "slow", "worlds": str(tmp_path / "worlds")}, None, Path("runs"))
    capsys.readouterr()
    for _ in range(2):  # the second time nothing is run
        assert main(["diagnose", "slow", "--ablate", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [(one["source"], one["target"], one["verdict"]) for one in found["ablations"]] == [
            (origin, "web", "holds")
        ]
    made = [path.name for path in (tmp_path / "runs/slow/ablations").iterdir() if path.is_dir()]
    assert [name.rpartition("-")[0] for name in made] == [f"{origin}-web-waits"]
    assert main(["diagnose", "slow", "--ablate"]) == 0
    assert "holds" in capsys.readouterr().out


def test_only_cascades_of_the_hours_asked_for_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sfmodel.clock import clock
    from sfmodel.running import run_to_folder

    monkeypatch.chdir(tmp_path)
    _, mapping, _ = troubled(2)
    run_to_folder({**mapping, "name": "slow", "worlds": str(tmp_path / "worlds")}, None, Path("runs"))
    capsys.readouterr()
    assert main(["diagnose", "slow", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["cascades"]
    begins_s = one["begins_s"]
    before = ["--hours", clock(begins_s - 240), clock(begins_s - 60)]
    assert main(["diagnose", "slow", "--ablate", *before]) == 0
    assert "No cascade goes on in these hours" in capsys.readouterr().out
    assert not (tmp_path / "runs/slow/ablations").exists()
    assert main(["diagnose", "slow", "--ablate", "--json", "--hours", clock(begins_s), clock(one["ends_s"] + 60)]) == 0
    assert [cut["verdict"] for cut in json.loads(capsys.readouterr().out)["ablations"]] == ["holds"]


def test_a_run_without_what_users_ask_again_can_be_called_so(tmp_path: Path) -> None:
    with RunFolder(f"{_name(Edge(USERS, 'web', 'retries', 0.5, 0.0))}-0123abcd", tmp_path) as folder:
        assert folder.path.is_dir()
