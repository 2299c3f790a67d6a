"""The case study's program: its tasks are commands that there are, it goes on where it was, and its page says what is missing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

import casestudy
from casestudy import Study, Task, make_all, stages
from casestudy_found import TRIGGER_S
from casestudy_page import ANSWERS, REPORTS, write_page

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.over_seeds import Detection
from sfmodel.alerts.table import alarms_data, detections_data
from sfmodel.cli.compose import composed
from sfmodel.diagnosis.ablation import Ablation
from sfmodel.diagnosis.bottleneck_table import bottlenecks_data
from sfmodel.diagnosis.bottlenecks import Counterfactual
from sfmodel.diagnosis.candidates import Candidate
from sfmodel.diagnosis.cascade_table import ablations_data, cascades_data
from sfmodel.diagnosis.cascades import Cascade
from sfmodel.diagnosis.edges import USERS, Edge
from sfmodel.diagnosis.loop_table import loops_data
from sfmodel.diagnosis.loops import Loop, Segment
from sfmodel.diagnosis.profile_tables import stations_data
from sfmodel.diagnosis.table import troubles_data
from sfmodel.diagnosis.troubles import Trouble
from sfmodel.diagnosis.use_red import StationUse
from sfmodel.metastability import Cell, Job, Known, MapDesign, Outcome, State, map_dataset
from sfmodel.metastability.dataset import write_map
from sfmodel.results.intervals import Interval
from sfmodel.schema import parse_run


@pytest.mark.parametrize("quick", [False, True])
def test_every_run_can_be_composed_and_every_answer_has_a_task(quick: bool) -> None:
    every = [task for stage in stages(quick, ["users=50000"]) for task in stage]
    assert len({task.name for task in every}) == len(every)
    assert {task.answer for task in every} == {*ANSWERS, REPORTS} - ({"modes"} if quick else set())
    for task in every:
        if task.run is not None:
            parse_run(composed(list(task.words[1:])))


def test_a_task_is_made_once_and_a_failed_one_again(tmp_path: Path) -> None:
    study = Study(tmp_path)
    good, bad = (
        Task("good", ("list", "platforms"), "claims", 1.0),
        Task("bad", ("diagnose", "nothing"), "cascades", 1.0),
    )
    failed = make_all(study, [(good, bad)], 1)
    assert set(failed) == {"bad"}
    assert "nothing" in failed["bad"]
    again = Study(tmp_path)
    assert again.is_done(good)
    assert not again.is_done(bad)
    assert "streamflow" in (tmp_path / "good.json").read_text()
    assert not (tmp_path / "bad.json").exists()
    before = again.kept["bad"]["seconds"]
    make_all(again, [(bad,)], 1)
    assert again.kept["bad"]["seconds"] > before


def test_what_was_asked_of_a_run_that_was_not_whole_is_asked_again(tmp_path: Path) -> None:
    study = Study(tmp_path)
    sweep = Task("changes", ("list", "nothing"), "changes", 1.0)
    asked = Task("effects", ("list", "platforms", "changes"), "changes", 1.0)
    other = Task("other", ("list", "platforms"), "changes", 1.0)
    for task in (asked, other):
        (tmp_path / f"{task.name}.json").write_text("made of what there was")
        study.kept[task.name] = {"ended": True}
    assert study.missing([(sweep,), (asked, other)]) == [[sweep], [asked]]
    study.kept["changes"] = {"ended": True}
    (tmp_path / "changes.json").write_text("all of it")
    assert study.missing([(sweep,), (asked, other)]) == [[], []]


def test_a_task_of_other_words_is_not_taken_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = Study(tmp_path)
    make_all(study, [(Task("good", ("list", "platforms"), "claims", 1.0),)], 1)
    assert study.other(Task("good", ("list", "scenarios"), "claims", 1.0)) == "words"
    (tmp_path / "done.json").write_text(json.dumps({"evening": {"words": ["run"], "sources": "old"}}))
    assert casestudy.main(["--quick", "--folder", str(tmp_path)]) == 2
    assert "evening made with other words; remove the folder, or choose another --folder" in capsys.readouterr().err


def kept(folder: Path, found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """As if tasks had printed this."""
    answers = {task.name: task.answer for stage in stages(False, ()) for task in stage}
    for name, printed in found.items():
        (folder / f"{name}.json").write_text(json.dumps(printed))
    return {name: {"seconds": 90.0, "failed": None, "answer": answers[name]} for name in found}


WAITS = Edge("llm", "engine", "fails", 0.498, 75610.0)
SPREAD = Cascade(
    "llm.quota (limiter)", 0.495, ("llm", "engine", "gateway"), 75600.0, 75600.0, 77400.0, False,
    (WAITS, Edge(USERS, "gateway", "retries", 0.527, 75610.0)),
)  # fmt: skip
BURST = Cascade(
    "engine.cpu", 0.653, ("engine", "gateway"), 75380.0, 75390.0, 79200.0, True,
    (Edge("engine", "gateway", "fails", 0.653, 75380.0),),
)  # fmt: skip
CUT = Ablation(WAITS, SPREAD, "engine", 0.081)
TURNS = Segment(75600.0, 76500.0, 9000, 4000, 3600, 0.9, 0.4, 0.8, 0.7, 0.9)
LOOP = Loop("users", "discover.recommendations", (TURNS,), 0.5, 75610.0)
UNKNOWN = Loop(
    "calls", "engine.recommend>llm.describe", (replace(TURNS, gain=np.nan, low=np.nan, high=np.nan),), 0.6, 75610.0
)
NOTHING: dict[str, list[Any]] = {"cascades": [], "ablations": [], "loops": []}
MODE = {"trigger": "llm.quota at 50 % for 2 min", "scenario": "mode-1", "cost": 2.0, "path": ["llm", "engine"], "outlives": True,
        "known": "", "confirmed": True, "minimal": True, "seeds": [1, 2], "held_out": [{"seed": 3, "breaks": True}]}  # fmt: skip
FAILED = {
    **MODE,
    "scenario": "mode-2",
    "confirmed": False,
    "held_out": [{"seed": 3, "breaks": False}],
    "outlives": None,
}
LARGE = {
    **FAILED,
    "trigger": "users: more retries",
    "scenario": "mode-3",
    "minimal": False,
    "held_out": [],
    "seeds": [1],
}
ALARM = Alarm("answered", "a cascade", "llm drags down engine", 75690.0, 76000.0, False, "2 ×", {})
MORE = Counterfactual(
    Candidate(Trouble("engine.workers", 0, 0.25, np.nan, 0.9, np.nan, np.nan), "services.engine.stations.workers.servers", None),
    1.1, {"failing": Interval(-0.001, 0.01, 2), "p95": Interval(-0.2, 0.1, 2)},
)  # fmt: skip
CACHE, REFUSED = (
    Trouble(cause, 10, share, 0.1, 0.5, 1.0, 0.0) for cause, share in (("cache.memory", 0.25), ("llm.quota", 0.75))
)
WORKERS = StationUse(
    "engine.workers", 0.94, 0.98, 740.0, 0.5, 12_000, 3, 75600.0, *(np.zeros(0) for _ in range(5))
)  # fmt: skip
EFFECT = {
    "where": {"scenario": "none"}, "seeds": [1, 2], "level": {"within_sla": 0.415},
    "rows": [
        {"change": "gateway_queue", "figures": {"within_sla": {"size": 0.025, "low": -0.013, "high": 0.063, "found": False}}},
        {"change": "llm_timeout", "figures": {"within_sla": {"size": 0.22, "low": 0.18, "high": 0.26, "found": True}}},
    ],
}  # fmt: skip


def test_the_page_says_what_the_commands_found(tmp_path: Path) -> None:
    found = kept(tmp_path, {
        "hurts": {"loops": [], "causes": troubles_data([REFUSED, CACHE]), "period": "20:15 to 23:00"},
        "spread-s1_at_peak": NOTHING, "spread-f4_engine_half": NOTHING,
        "spread-f1_at_peak": {
            "cascades": cascades_data([BURST, SPREAD]), "ablations": ablations_data([CUT]),
            "loops": loops_data([LOOP, UNKNOWN]),
        },
        "alerts-f1_at_peak": alarms_data(
            [replace(ALARM, fires_s=at_s, ends_s=at_s + 50) for at_s in (75540.0, 75690.0, 76300.0)], 75600.0
        ),
        "modes": {"modes": [MODE, FAILED, LARGE], "runs": 60, "objective": "answered", "at_s": 73800.0, "limit": 0.012,
                  "unjudged": {"a": "failed"}},
        "more": {"period": "peak", "seeds": 2, "endpoint": None, "bottlenecks": bottlenecks_data([MORE])},
        "claims": {"claims": [{"say": "It is fast", "runs": "evening", "verdict": "pass", "measured": "1 s", "range": "< 2 s"}],
                   "not_checked": ["It is cheap"]},
        "time": {"stations": stations_data([WORKERS, replace(WORKERS, station="llm.small", waiting=0.0, refused=0)])},
        "effects": {"period": "peak", "figures": {"within_sla": {"name": "Within 200 ms", "unit": "share"}}, "effects": [EFFECT],
                    "missing": ["breakers"]},
        "alerts-s1_at_peak": [], "alerts-f4_engine_half": [],
        "alerts-evening": alarms_data([replace(ALARM, data={"source": "llm", "target": "engine"})], None),
        "alerts-quiet": detections_data([Detection("answered", "a cascade", 1, 10, (0.0025, 0.445), 0.1, None)]),
    })  # fmt: skip
    text = write_page(tmp_path, found, False).read_text()
    assert (
        "[llm → engine → gateway](report-f1_at_peak.html#cascades), from 21:00 to 21:30; 49.5 % of the trouble" in text
    )
    assert "It is pushed by the users → gateway (calls it again, 52.7 %)." in text
    assert "| llm → engine | fails, and fails it | from 21:00 | 8.1 % at engine | holds |" in text
    assert "| F1 | discover.recommendations (users) | 21:00 | 44.4 % | 0.80 (0.70 to 0.90) | dies out |" in text
    assert "| F1 | answered: llm drags down engine | 90 s | 1 |" in text
    assert "| [llm.quota at 50 % for 2 min](runs/failure-modes/scenario/mode-1.yaml) | 2 | llm → engine | stays" in text
    assert "grows by more than 1.2 pp" in text
    assert "1 of 2 that were tried on all seeds of the search are confirmed" in text
    assert "Sought were only" in text
    assert "| new | not with seed 3 |" in text
    assert "since cheaper ones came first:\n\n- [users: more retries](runs/failure-modes/scenario/mode-3.yaml)" in text
    assert "1 trial could not be judged." in text
    assert "more of engine.workers changes p95 most; it is also the busiest" in text
    assert "| F1 | engine.recommend>llm.describe (calls) | 21:00 | 44.4 % | – | not known |" in text
    assert "Not finished, and left out: breakers." in text
    assert "Not checked here, of other runs:\n\n- It is cheap" in text
    assert "The map of what it recovers from is missing: map has not been run." in text
    assert "False alarms in 10 seeds of quiet evenings, whose demand stays at its normal level: a cascade in 1." in text
    assert "in which an alert fires reaches to 44.5 %, of each alert by itself." in text
    assert "S1: none fires after the trigger." in text
    assert "alerts on cascades fire 1 time, first at 21:01." in text
    assert "| Which path does a cascade take? | 4 min |" in text
    assert "| engine.workers | 740 | 94.0 % | 50.0 % | 12,000 | 3 |" in text
    assert "llm.small" not in text
    assert "- an evening without a storm: Within 200 ms (+2.5 ± 3.8 pp)" in text
    assert "| llm_timeout | +22.0 ± 4.0 pp |" in text
    short = text[: text.index("## Where does it hurt?")]
    assert (
        "**Which path?** \n  - F1: [llm → engine → gateway](report-f1_at_peak.html#cascades), from 21:00 to 21:30; 49.5 %"
        in short
    )
    assert "Beside it [engine → gateway](report-f1_at_peak.html#cascades), from 20:56 on" in short, (
        "it was there before"
    )
    assert "it does not come without llm → engine (8.1 % of the trouble at engine is left)." in short
    assert "S1: no cascade was found." in short
    assert (
        "Of what fails from 20:15 to 23:00, 75.0 % from llm.quota and 25.0 % from cache.memory come. More of no single resource"
        in short
    )
    assert (
        "Most tasks wait at engine.workers. What a queue between gateway and engine changes beyond chance: nothing."
        in short
    )
    assert "an evening without a storm, Within 200 ms: llm_timeout, +22.0 ± 4.0 pp (seeds 1, 2)." in short


def test_what_was_over_before_the_trigger_is_not_told(tmp_path: Path) -> None:
    over = replace(BURST, begins_s=73000.0, ends_s=74000.0, lasts=False)
    cut = Ablation(over.edges[0], over, "gateway", 0.0)
    spread = {"cascades": cascades_data([over, SPREAD]), "ablations": ablations_data([cut, CUT]), "loops": []}
    text = write_page(tmp_path, kept(tmp_path, {"spread-f1_at_peak": spread}), False).read_text()
    assert "it does not come without llm → engine (8.1 % of the trouble at engine is left)." in text
    assert "| llm → engine | fails, and fails it | from 21:00 | 8.1 % at engine | holds |" in text
    assert "| engine → gateway |" not in text


def effects(seeds: list[int], found: bool | None, *rows: tuple[str, float, float]) -> dict[str, Any]:
    """What `sfmodel effects` prints of a plain evening and a storm: change, within the SLA, failing."""
    figures = {"within_sla": {"name": "Within 200 ms", "unit": "share"}, "failures": {"name": "Fail", "unit": "share"}}
    known = {"low": None, "high": None, "found": found}
    each = [
        {"change": change, "figures": {"within_sla": {"size": within, **known}, "failures": {"size": failing, **known}}}
        for change, within, failing in rows
    ]
    every = [
        {**EFFECT, "seeds": seeds, "where": {"scenario": one}, "rows": each} for one in ("none", "s3_worst_evening")
    ]
    return {"effects": {"period": "peak", "figures": figures, "effects": every, "missing": []}}


def test_in_a_storm_the_change_after_which_least_fails_is_first(tmp_path: Path) -> None:
    found = kept(
        tmp_path, effects([1, 2], True, ("llm_timeout", 0.2, -0.01), ("breakers", 0.0, -0.3), ("worse", -0.4, 0.2))
    )
    found["changes"] = {**found["effects"], "words": ["run", "start=19:30", "until=22:00"]}
    text = write_page(tmp_path, found, False).read_text()
    plain, storm = text.split("**an evening without a storm**")[1].split("**scenario s3_worst_evening**")
    assert plain.index("| llm_timeout |") < plain.index("| breakers |") < plain.index("| worse |")
    assert storm.index("| breakers |") < storm.index("| llm_timeout |") < storm.index("| worse |")
    assert "- scenario s3_worst_evening, Fail: breakers, -30 pp, then llm_timeout" in text
    assert "Of the peak hours, of runs from 19:30 to 22:00; ranked by Within 200 ms, in a storm by Fail" in text
    assert "An interval of two seeds" in text


def test_what_only_harms_or_may_be_chance_is_not_to_be_changed_first(tmp_path: Path) -> None:
    stations = {"time": {"stations": stations_data([WORKERS])}}
    only_harms = {**effects([1, 2], True, ("gateway_queue", -0.17, 0.1)), **stations}
    harm = write_page(tmp_path, kept(tmp_path, only_harms), False).read_text()
    assert "an evening without a storm, Within 200 ms: none beyond chance (seeds 1, 2)." in harm
    assert "changes beyond chance: an evening without a storm: Within 200 ms -17 pp and Fail +10 pp" in harm
    chance = write_page(tmp_path, kept(tmp_path, effects([1, 2], False, ("llm_timeout", 0.3, -0.1))), False).read_text()
    assert "Within 200 ms: none beyond chance (seeds 1, 2)." in chance


def test_of_one_seed_nothing_is_called_chance(tmp_path: Path) -> None:
    """As in the quick study: intervals are not known."""
    nothing = {"failing": Interval(-0.02, np.nan, 1), "p95": Interval(-0.2, np.nan, 1)}
    found = kept(tmp_path, {
        **effects([1], None, ("gateway_queue", 0.2, -0.1)), "time": {"stations": stations_data([WORKERS])},
        "hurts": {"loops": [], "causes": [], "period": "20:15 to 20:40"},
        "more": {"period": "20:30 to 20:40", "seeds": 1, "endpoint": None,
                 "bottlenecks": bottlenecks_data([replace(MORE, effects=nothing)])},
    })  # fmt: skip
    text = write_page(tmp_path, found, True).read_text()
    assert "With one seed it is not known whether more of a resource lessens failures." in text
    assert "changes beyond chance: not known, of one seed." in text
    assert "Within 200 ms: gateway_queue is best, of one seed (seeds 1)." in text
    assert "Of one seed nothing is known of chance." in text
    assert "nothing." not in text[: text.index("## Where does it hurt?")]


def test_a_queue_that_is_found_to_help_is_said_to(tmp_path: Path) -> None:
    found = kept(tmp_path, {
        **effects([1, 2], True, ("gateway_queue", 0.1, -0.2)), "time": {"stations": stations_data([WORKERS])},
    })  # fmt: skip
    text = write_page(tmp_path, found, False).read_text()
    assert "beyond chance: an evening without a storm: Within 200 ms +10 pp and Fail -20 pp; scenario s3" in text


def test_what_is_cut_for_nothing_and_what_was_over_before(tmp_path: Path) -> None:
    over = replace(BURST, begins_s=73000.0, ends_s=74000.0, lasts=False)
    for_nothing = replace(CUT, left=0.9)
    found = kept(tmp_path, {
        "spread-f1_at_peak": {"cascades": cascades_data([SPREAD]), "ablations": ablations_data([for_nothing]), "loops": []},
        "spread-s1_at_peak": {"cascades": cascades_data([over]), "ablations": [], "loops": []},
        "spread-f4_engine_half": {"cascades": cascades_data([BURST]), "ablations": [], "loops": []},
    })  # fmt: skip
    text = write_page(tmp_path, found, False).read_text()
    assert "It comes also without llm → engine (90.0 % of the trouble at engine is left)." in text
    assert "S1: no cascade goes on after the trigger; 1 were over before." in text
    assert "F4: No cascade begins with the trigger; one that comes later is [engine → gateway]" in text


def test_of_cascades_that_begin_with_a_trigger_the_one_with_most_of_the_trouble_is_first(tmp_path: Path) -> None:
    with_it = replace(BURST, begins_s=75600.0, share=0.446)
    spread = {"cascades": cascades_data([with_it, SPREAD]), "ablations": [], "loops": []}
    text = write_page(tmp_path, kept(tmp_path, {"spread-f1_at_peak": spread}), False).read_text()
    assert "F1: [llm → engine → gateway](report-f1_at_peak.html#cascades), from 21:00 to 21:30; 49.5 %" in text
    assert "comes from llm.quota (limiter). Beside it [engine → gateway]" in text


def test_a_path_that_its_own_cuts_refute_is_not_the_first_answer(tmp_path: Path) -> None:
    spread = {
        "cascades": cascades_data([BURST, SPREAD]),
        "ablations": ablations_data([replace(CUT, left=0.9)]),
        "loops": [],
    }
    text = write_page(tmp_path, kept(tmp_path, {"spread-f1_at_peak": spread}), False).read_text()
    assert "F1: [engine → gateway](report-f1_at_peak.html#cascades), from 20:56 on" in text
    assert "Beside it [llm → engine → gateway](report-f1_at_peak.html#cascades), from 21:00 to 21:30" in text


def test_an_alert_that_fires_already_is_not_said_to_be_late(tmp_path: Path) -> None:
    burning = replace(ALARM, kind="burn", alert="2 × in 1 h", fires_s=75500.0, ends_s=75650.0)
    again = replace(burning, fires_s=75800.0, ends_s=75900.0)
    part = replace(
        burning, alert="6 × in 6 h", fires_s=75700.0, ends_s=75900.0, data={"seen_s": 5400.0, "long_s": 21600.0}
    )
    found = kept(tmp_path, {"alerts-f1_at_peak": alarms_data([burning, again, part], 75600.0), "alerts-evening": []})
    text = write_page(tmp_path, found, False).read_text()
    assert "| F1 | answered: 2 × in 1 h | fires already | 1 |" in text
    assert "| F1 | answered: 6 × in 6 h, 90 min of it seen | 100 s | 0 |" in text
    assert "on the evening without a storm none fires." in text


def test_words_of_the_studys_own_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert casestudy.main(["--quick", "--folder", str(tmp_path), "+replications=2"]) == 2
    assert "casestudy: +replications=2:" in capsys.readouterr().err


def test_triggers_are_those_of_the_scenarios() -> None:
    from sfmodel.rows.bands import first_trigger_s

    time = {"time": [TRIGGER_S["f4_engine_half"] - 60], "width": ("time", [7200.0])}
    for name, at_s in TRIGGER_S.items():
        ds = xr.Dataset(coords=time, attrs={"config": composed([f"scenario={name}"])})
        assert first_trigger_s(ds) == at_s


def test_the_page_begins_with_what_takes_most_failures_away(tmp_path: Path) -> None:
    less = {"failing": Interval(-0.02, 0.01, 2), "p95": Interval(-0.2, 0.1, 2)}
    worse = {"failing": Interval(0.03, 0.01, 2), "p95": Interval(-0.2, 0.1, 2)}
    quota = replace(MORE.candidate, trouble=replace(MORE.candidate.trouble, cause="llm.quota"))
    found = kept(tmp_path, {
        "hurts": {"loops": [], "causes": [], "period": "20:15 to 23:00"},
        "more": {"period": "peak", "seeds": 2, "endpoint": None,
                 "bottlenecks": bottlenecks_data([replace(MORE, effects=worse), Counterfactual(quota, 1.1, less)])},
    })  # fmt: skip
    text = write_page(tmp_path, found, False).read_text()
    assert (
        "Nothing fails from 20:15 to 23:00. Of what was tried, 10 % more of llm.quota lessens failures most, -2.0 ±"
        in text
    )
    assert "- **What should be changed first?** Missing: effects has not been run." in text


def test_the_page_says_what_is_missing_and_why(tmp_path: Path) -> None:
    found = {"more": {"seconds": 5.0, "failed": "the disk is full", "answer": "bottlenecks"}}
    text = write_page(tmp_path, found, True).read_text()
    assert "Missing: more failed: the disk is full." in text
    assert "Missing: effects has not been run." in text
    assert "Made with `--quick`" in text


def test_one_answer_that_is_missing_leaves_the_others(tmp_path: Path) -> None:
    """A storm's diagnosis failed, and time was up before a map could be drawn."""
    found = kept(tmp_path, {
        "hurts": {"loops": loops_data([LOOP]), "causes": [], "period": "peak"}, "map": {},
        "alerts-s1_at_peak": alarms_data([ALARM], 75600.0),
    })  # fmt: skip
    text = write_page(tmp_path, found, False).read_text()
    assert "| the evening | discover.recommendations (users) |" in text
    assert "S1: missing, spread-s1_at_peak has not been run." in text
    assert "The map of what it recovers from is missing: time was up before anything could be said." in text
    assert "| S1 | answered: llm drags down engine | 90 s |" in text
    assert "F1: missing, alerts-f1_at_peak has not been run." in text
    assert "False alarms of quiet evenings are missing: alerts-quiet has not been run." in text


def test_the_map_is_told(tmp_path: Path) -> None:
    known = Known(["none"])
    known.tell(Job("none", Cell(2.5, 0.5, 120.0), 1), Outcome(State.NOT_RECOVERED))
    trigger = {"lose": ["a"], "sizes": ["50 %"], "durations": ["2 min"]}
    design = MapDesign.model_validate({"load": {"levels": [2.5]}, "trigger": trigger})
    (tmp_path / "runs/map").mkdir(parents=True)
    write_map(map_dataset(known, design, "streamflow"), tmp_path / "runs/map")
    text = write_page(tmp_path, kept(tmp_path, {"map": {}}), False).read_text()
    assert "- none: vulnerable at 2.5." in text
    assert "- none: the least from which it is not back at 2.5: 50.0 % for 120 s (1 of 1 seed)." in text


def test_output_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    """A status that may mean that claims do not hold, and nothing printed."""
    study = Study(tmp_path)
    task = Task("claims", ("check", "streamflow", "nothing", "--json"), "claims", 1.0, good=(0, 1, 2, 3))
    assert set(make_all(study, [(task,)], 1)) == {"claims"}
    assert not study.is_done(task)
