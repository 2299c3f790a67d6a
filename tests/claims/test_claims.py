"""Claims on runs whose figures are known, over seeds, and what is said of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from sfmodel.claims import Checked, Claim, read_claims
from sfmodel.claims.claims import is_about
from sfmodel.cli import main
from sfmodel.errors import ConfigError
from sfmodel.rows.measuring import Measured
from sfmodel.running import run_to_folder


def claim(**how: Any) -> Claim:
    return Claim.model_validate({"say": "it is so", "measure": "1", **how})


def checked(one: Claim, *values: float | None) -> Checked:
    """A claim and what each seed shows of it."""
    lacks = {None: "why"}
    seeds = {k: Measured(one, value, None, lacks.get(value)) for k, value in enumerate(values)}
    return Checked(one, "runs", seeds)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((1.0, 1.1, 0.9), "pass"),  # 1 ± 0.25
        ((3.0, 3.1, 2.9), "fail"),
        ((1.9, 2.2, 2.0), "undecided"),  # 2.03 ± 0.38, across the end
        ((1.0,), "pass"),
        ((3.0,), "fail"),
        ((1.0, None), "undecided"),
        ((None,), "undecided"),
        ((math.inf, math.inf), "fail"),
        ((math.inf, 1.0), "undecided"),
        ((1.0, 1.0), "pass"),
        ((2.0, 2.0), "fail"),  # below 2
    ],
)
def test_the_verdict_is_by_the_interval(values: tuple[float | None, ...], verdict: str) -> None:
    assert checked(claim(below=2), *values).verdict == verdict


def test_a_range_inside_the_interval_is_undecided() -> None:
    one = claim(at_least=0.99, at_most=1.01)
    assert checked(one, 0.5, 1.5, 1.0).verdict == "undecided"
    assert checked(one, 1.0, 1.0).verdict == "pass"


def test_of_a_claim_that_holds_few_are_failed_by_chance() -> None:
    """The mean is at the end of the range: the interval lies outside in 2.5 % of samples."""
    rng = np.random.default_rng(1)
    verdicts = [checked(claim(at_most=0), *rng.normal(0, 1, 5)).verdict for _ in range(2000)]
    assert verdicts.count("fail") / 2000 == pytest.approx(0.025, abs=3 * math.sqrt(0.025 * 0.975 / 2000))


CONFIG = {"demand": {"level": 1.0}, "intervention": {"breakers": {}, "cache": {}}, "seed": 3}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, True),
        ({"scenario": "storm"}, True),
        ({"scenario": "none"}, False),
        ({"intervention": ["cache", "breakers"]}, True),
        ({"intervention": ["cache"]}, False),
        ({"intervention": []}, False),
        ({"demand.level": 1}, True),
        ({"demand.level": "1.03"}, False),
    ],
)
def test_of_which_runs(where: dict[str, Any], expected: bool) -> None:
    assert is_about(claim(below=1, where=where), "storm", CONFIG) is expected


def test_a_key_that_a_run_does_not_write_is_what_it_is_without() -> None:
    assert is_about(claim(below=1, where={"demand.level": 1}), None, PLAIN)
    assert not is_about(claim(below=1, where={"demand.level": 1.03}), None, PLAIN)
    with pytest.raises(ConfigError, match=r"no key 'demand\.levels'; did you mean 'level'"):
        is_about(claim(below=1, where={"demand.levels": 1}), None, PLAIN)


def test_seeds_alike_in_six_digits_are_not_the_same() -> None:
    assert not is_about(claim(below=1, where={"seed": 1234567}), None, {"seed": 1234568})


PLAIN = {"platform": {"name": "tiny", "services": {"s": {"endpoints": {"e": {"steps": []}}}}}, "until": "1 s"}


def run(name: str, servers: int, seed: int = 1, **more: Any) -> None:
    """A station that 80/s come to; each server serves 20/s. A queue of one is full at once; a breaker sees it."""
    breaker = {"window": "20 calls", "minimum_calls": 10, "open_for": "5 s"}
    steps = [{"call": "desk.serve", "breaker": breaker, "on_failure": "fail"}]
    platform = {
        "name": "counter", "network": "1 ms",
        "services": {
            "hall": {"endpoints": {"visit": {"steps": steps}}},
            "desk": {
                "stations": {"clerks": {"servers": servers, "queue": 1}},
                "endpoints": {"serve": {"steps": [{"use": "clerks", "time": {"exponential": "50 ms"}}]}},
            },
        },
        "sources": {"visits": {"call": "hall.visit", "rate": "80/s"}},
    }  # fmt: skip
    mapping = {
        "platform": platform, "name": name, "seed": seed, "start": "0 s", "until": "120 s", "window": "10 s", "warmup": "10 s",
        "trace": {"one_in": 0}, **more,
    }  # fmt: skip
    run_to_folder(mapping, None, Path("runs"))


FILE = """
window: 10 s
claims:
  - say: Hardly any visit fails
    measure: 1 - share(endpoint[hall.visit], ok)
    take: mean
    unit: share
    at_most: 1 %
  - say: The breaker opens within a minute of the clerks' leaving
    where: {scenario: gone}
    measure: delay(breaker_openings["hall.visit>desk.serve"])
    unit: s
    at_most: 60 s
"""


@pytest.fixture
def claims_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf/scenario").mkdir(parents=True)
    (tmp_path / "conf/scenario/gone.yaml").write_text("title: Clerks gone\n")
    (tmp_path / "claims.yaml").write_text(FILE)
    return "claims.yaml"


GONE = {
    "title": "Clerks gone",
    "events": [{"at": "35 s", "for": "60 s", "set": {"services.desk.stations.clerks.servers": 1}}],
}


def test_the_command(claims_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("enough", 20)
    run("few", 2)
    run("gone", 20, scenario=GONE)
    capsys.readouterr()
    assert main(["check", claims_file, "enough"]) == 3  # one claim is about none of the runs
    assert "not checked" in capsys.readouterr().out.lower()
    assert main(["check", claims_file, "enough", "few"]) == 1
    capsys.readouterr()
    assert main(["check", claims_file, "gone", "enough", "--json", "--junit", "found.xml"]) == 1
    said = json.loads(capsys.readouterr().out)["claims"]
    found = {(one["say"].split()[0], one["runs"]): one for one in said}
    assert found["Hardly", "enough"]["verdict"] == "pass"
    assert found["Hardly", "gone"]["verdict"] == "fail"
    opened = found["The", "gone"]
    assert opened["verdict"] == "pass"
    assert opened["values"]["1"] == 5.0  # in the window until 40 s: the 10th call after 35 s comes within a second
    every = ElementTree.parse("found.xml").iter("testcase")
    cases = {(case.get("name", "").split()[0], case.get("classname")): case for case in every}
    assert cases["Hardly", "gone"].find("failure") is not None
    assert cases["Hardly", "enough"].find("failure") is None


@pytest.mark.parametrize(("title", "name"), [("Half of them gone", "Half of them gone"), (None, "events")])
def test_a_scenario_without_a_file_is_not_none(
    title: str | None, name: str, claims_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"events": GONE["events"], **({"title": title} if title else {})}
    run("own", 20, scenario=own)
    run("plain", 20)
    claims = [{"say": wanted, "where": {"scenario": wanted}, "measure": "1", "below": 2} for wanted in ("none", name)]
    Path(claims_file).write_text(json.dumps({"claims": claims}))
    capsys.readouterr()
    assert main(["check", claims_file, "own", "plain", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["claims"]
    assert [(one["say"], one["runs"]) for one in found] == [("none", "plain"), (name, "own")]
    if title is None:
        assert main(["list", "runs"]) == 0
        assert "events" in capsys.readouterr().out


def test_seeds_are_taken_together(claims_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("five", 20, replications=5)
    capsys.readouterr()
    main(["check", claims_file, "five", "--json"])
    (found,) = json.loads(capsys.readouterr().out)["claims"]
    assert list(found["values"]) == ["1", "2", "3", "4", "5"]
    assert found["verdict"] == "pass"


def test_runs_that_differ_by_their_seed_are_taken_together(
    claims_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("one", 20, seed=1)
    run("two", 20, seed=2)
    run("other", 19, seed=2)
    capsys.readouterr()
    main(["check", claims_file, "one", "two", "other", "--json"])
    found = json.loads(capsys.readouterr().out)["claims"]
    assert [(one["runs"], list(one["values"])) for one in found] == [("one", ["1", "2"]), ("other", ["2"])]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("claims: []", "expected at least 1 of them"),
        ("claims: [{say: x, measure: '1'}]", "has no range"),
        ("claims: [{measure: '1', below: 2}]", "say"),
        ("claims: [{say: x, measure: '1', below: 2, period: late}]", "there is no period 'late'"),
        ("claim: []", "did you mean 'claims'"),
    ],
)
def test_a_mistake_is_a_sentence(
    claims_file: str, text: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(claims_file).write_text(text)
    assert main(["check", claims_file]) == 2
    assert complaint in capsys.readouterr().err


def test_a_file_that_is_not_there_is_a_sentence(claims_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "streamfow"]) == 2
    assert "did you mean 'streamflow'" in capsys.readouterr().err


def test_the_claims_of_the_package_can_be_read() -> None:
    root = Path(__file__).parents[2]
    assert len(read_claims(root / "conf/claims/streamflow.yaml").claims) >= 5


MILDER = {**GONE, "events": [{**GONE["events"][0], "set": {"services.desk.stations.clerks.servers": 19}}]}


def test_what_had_not_happened_when_a_run_ended_is_not_said_to_be_nothing(
    claims_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("gone", 20, scenario=MILDER)
    capsys.readouterr()
    assert main(["check", claims_file, "gone", "--json"]) == 3
    (opened,) = [one for one in json.loads(capsys.readouterr().out)["claims"] if one["say"].startswith("The breaker")]
    assert opened["verdict"] == "undecided"
    assert (
        "has not happened when the run ends at 00:02, less than 30 min after its trigger at 00:00" in opened["because"]
    )


def test_a_mistake_says_in_which_file_and_claim(claims_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("enough", 20)
    capsys.readouterr()
    Path(claims_file).write_text("claims: [{say: It is quick, measure: 'mean(endpoint[hall.visits])', below: 1}]")
    assert main(["check", claims_file, "enough"]) == 2
    said = capsys.readouterr().err
    assert "claims.yaml: claim 'It is quick': 'mean(endpoint[hall.visits])'" in said
    assert "did you mean 'hall.visit'?" in said
    run("again", 20)
    Path(claims_file).write_text("claims: [{say: It is quick, measure: 'mean(endpoint)', below: 1}]")
    assert main(["check", claims_file, "enough", "again"]) == 2
    assert "sfmodel: again: there are two runs of seed 1" in capsys.readouterr().err
    Path(claims_file).write_text("claims: [{say: It is quick, measure: 'mean(endpoint)', below: 1, period: night}]")
    assert main(["check", claims_file, "enough"]) == 2
    assert "claim 'It is quick': there is no period 'night'" in capsys.readouterr().err


def test_of_a_period_that_ends_before_the_trigger_nothing_is_said(
    claims_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("gone", 20, scenario=MILDER)
    opens = 'delay(breaker_openings["hall.visit>desk.serve"])'
    claims = [{"say": period, "measure": opens, "below": 1, "period": period} for period in ("early", "middle")]
    periods = {"early": ["00:00:00", "00:00:20"], "middle": ["00:00:00", "00:00:50"]}
    Path(claims_file).write_text(json.dumps({"window": "10 s", "periods": periods, "claims": claims}))
    capsys.readouterr()
    assert main(["check", claims_file, "gone", "--json"]) == 3
    early, middle = json.loads(capsys.readouterr().out)["claims"]
    assert "since early ends at 00:00, and its trigger is at 00:00" in early["because"]
    assert "since it has not happened when middle ends at 00:00, less than 30 min after" in middle["because"]
