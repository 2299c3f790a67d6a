"""Stories on series written by hand: when each step began, the numbers beside it, the order, mistakes in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from small_run import make_run, recorded_run

from sfmodel.cli import main
from sfmodel.errors import ConfigError
from sfmodel.stories import Stories, Telling, found_in_order, read_stories, tell
from sfmodel.stories.pair import find_pair
from sfmodel.stories.table import moral, story_data, story_table

EIGHT = 72000.0
TRIGGER = {"scenario": {"events": [{"at": "20:10", "for": "5 min"}]}}


def edit(trouble: bool):
    """Half an hour in which, with trouble, cost rises at 20:10:00, requests at 20:11:00, and hits fall at 20:12:00."""

    def change(k, values):
        late = [trouble and k >= begin for begin in (60, 66, 72)]
        values["cost"][...] = 50 if late[0] else 10 + k % 2
        values["users_requests"][:] = [300, 0] if late[1] else [100 + k % 2, 0]
        values["cache_hits"][:], values["cache_misses"][:] = (20, 80) if late[2] else (80, 20)

    return change


STORY = {
    "title": "Trouble",
    "steps": [
        {"label": "Cost rises", "at": "shop", "measure": "cost", "unit": "USD"},
        {"label": "Users come", "at": "users", "measure": "rate(users_requests)", "unit": "1/s"},
        {"label": "Hits fall", "at": "shop", "measure": "hit_rate(cache)", "unit": "share", "direction": "down"},
    ],
}


def telling(**story) -> Telling:
    stories = Stories.model_validate({"stories": {"trouble": {**STORY, **story}}})
    return Telling(stories, make_run(180, edit(True), config=TRIGGER), make_run(180, edit(False), config={}))


def told(**story):
    found = telling(**story)
    return tell(found.story("trouble"), found.pair)


def test_each_step_has_its_onset_and_its_numbers():
    found = told()
    assert [one.began_s - EIGHT for one in found] == [600, 660, 720]
    assert [one.before for one in found] == [10.5, 10.05, 0.8]
    assert [one.then for one in found] == [50, 30, 0.2]
    assert [one.usual for one in found] == [10, 10, 0.8]
    assert [one.worst for one in found] == [50, 30, 0.2]
    assert [one.worst_s - EIGHT for one in found] == [600, 660, 720]
    assert found_in_order(found) == 1
    assert moral(found) == "3 of 3 steps were found, in the order of the story."


def test_a_step_before_the_one_that_it_follows_is_out_of_order():
    steps = STORY["steps"]
    found = told(steps=[steps[1], steps[0], steps[2]])
    assert found_in_order(found) == pytest.approx(2 / 3)
    assert moral(found) == "3 of 3 steps were found, not all in the order of the story."


def test_of_steps_that_begin_in_one_window_no_order_is_seen():
    first, second, third = STORY["steps"]
    found = told(steps=[first, first, second, third])
    assert moral(found).endswith("1 of them began in the window of one before, where no order is seen.")
    assert found_in_order(found) == 1


def test_one_late_step_leaves_the_others_in_order():
    late = {"label": "Misses rise", "at": "shop", "measure": "1 - hit_rate(cache)", "unit": "share"}
    steps = [late, *STORY["steps"][:2]]  # from 20:12, 20:10 and 20:11 on
    found = told(steps=steps)
    assert [one.began_s - EIGHT for one in found] == [720, 600, 660]
    assert found_in_order(found) == pytest.approx(2 / 3)


def test_a_step_with_slack_may_be_seen_before_the_one_that_it_follows():
    steps = STORY["steps"]
    assert [one.began_s - EIGHT for one in told()[:2]] == [600, 660]
    for slack, share in (("60 s", 1), ("59 s", 2 / 3)):
        found = told(steps=[steps[1], {**steps[0], "slack": slack}, steps[2]])
        assert found_in_order(found) == pytest.approx(share)
        early = ", 1 of them early within their slack." if share == 1 else "."
        assert moral(found).endswith(f"in the order of the story{early}")


def test_a_step_that_never_comes_or_comes_too_late_is_not_found():
    never = {"label": "Never", "at": "shop", "measure": "cost", "reaches": 51}
    found = told(steps=[STORY["steps"][0], never])
    assert (found[1].began_s, found[1].then, found[1].worst) == (None, None, 50)
    assert found_in_order(found) == 0.5
    assert moral(found) == "1 of 2 steps were found, in the order of the story."
    assert moral(found[1:]) == "None of the 1 steps was found."
    assert [one.began_s is None for one in told(within="100 s")] == [False, False, True]


def test_a_run_without_a_trigger_has_no_story():
    stories = Stories.model_validate({"stories": {"trouble": STORY}})
    with pytest.raises(ConfigError, match="this run has no trigger that its pair does not have"):
        Telling(stories, make_run(6, config={}), make_run(6, config={}))


def test_a_run_that_ends_before_its_trigger_has_no_story_yet():
    stories = Stories.model_validate({"stories": {"trouble": STORY}})
    with pytest.raises(
        ConfigError, match=r"no story yet: the run, or its pair, ends at 20:01, and the trigger is at 20:10"
    ):
        Telling(stories, make_run(6, config=TRIGGER), make_run(180, config={}))


def test_table_and_data():
    found, pair = told(), telling().pair
    console = Console(width=140)
    story = telling().story("trouble")
    with console.capture() as capture:
        console.print(story_table(story, found, pair.begins_s))
    text = capture.get()
    assert "20:11:00" in text
    assert "+1:00" in text
    assert "at 20:12:00" in text
    data = json.loads(json.dumps(story_data(story, found, pair.begins_s), allow_nan=False))
    assert (data["trigger_s"], data["in_order"], data["steps"][2]["then"]) == (EIGHT + 600, 1, 0.2)


def test_a_story_fits_a_terminal_of_80_columns():
    found, pair = told(), telling().pair
    console = Console(width=80)
    with console.capture() as capture:
        console.print(story_table(telling().story("trouble"), found, pair.begins_s, "A long title, " * 10))
    text = capture.get()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert all(
        number in text for number in ("10.5 USD", "50 USD", "30/s", "20.0 %", "20:11:00", "+1:00", "at 20:12:00")
    )


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"reaches": "97 MB", "unit": "share"}, "expected a factor such as '1.5', found '97 MB'"),
        ({"direction": "upp"}, "unknown value 'upp'; did you mean 'up'?"),
        ({"measure": "meen(station)"}, "there is no function 'meen'; did you mean 'mean'?"),
        ({"measure": "cost - base(cost)"}, "expected a measure of the run itself, window by window"),
        ({"measure": "request_time(happy)"}, "expected a measure of the run itself, window by window"),
        ({"measure": "told(trouble)"}, "expected a measure of the run itself, window by window"),
        ({"labell": "x"}, "unknown key 'labell'; did you mean 'label'?"),
    ],
)
def test_a_wrong_file_of_stories_is_a_sentence(tmp_path, step, expected):
    path = tmp_path / "stories.yaml"
    good = {"label": "l", "at": "shop", "measure": "cost"}
    path.write_text(yaml.safe_dump({"stories": {"s": {"title": "t", "steps": [{**good, **step}]}}}))
    with pytest.raises(ConfigError) as caught:
        read_stories(path)
    assert expected in str(caught.value)
    assert "stories.s.steps.0" in str(caught.value)


CONF = Path(__file__).parents[2] / "conf"


def test_every_scenario_of_streamflow_has_its_story_and_its_rows():
    scenarios = {path.stem for path in (CONF / "scenario").glob("*.yaml")} - {"none"}
    scenarios -= {name for name in scenarios if name.endswith("_at_peak")}  # another's trigger at another time
    stories = read_stories(CONF / "stories" / "streamflow.yaml").stories.values()
    assert {story.scenario for story in stories if story.scenario} == scenarios
    assert scenarios <= {path.stem for path in (CONF / "rows" / "streamflow").glob("*.yaml")}


# The command


@pytest.fixture
def sfmodel(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write("conf/stories/shop.yaml", {"stories": {"trouble": {**STORY, "scenario": "trouble"}}})
    write("conf/scenario/trouble.yaml", {"title": "Trouble at ten past"})
    attrs = {"platform": "shop", "seed": 1}
    recorded_run("base", 180, edit(False), config={}, **attrs)
    recorded_run("other", 180, edit(False), config={"users": 3}, **attrs)
    recorded_run("ran", 180, edit(True), config=TRIGGER, scenario="Trouble at ten past", **attrs)

    def call(*words: str) -> tuple[int, str, str]:
        status = main(words)
        output, complaints = capsys.readouterr()
        return status, output, complaints

    return call


def write(path: str, content: dict) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(yaml.safe_dump(content))


def test_the_story_of_a_run_is_told_beside_the_pair_that_is_found(sfmodel):
    status, output, _ = sfmodel("story", "ran")
    assert status == 0
    assert "ran beside base" in " ".join(output.split())
    assert "3 of 3 steps were found, in the order of the story." in output
    _, output, complaints = sfmodel("story", "ran", "--against", "other", "--json")
    assert json.loads(output)["in_order"] == 1
    assert "ran and other differ not in the scenario alone, but in users (not there → 3)" in complaints
    assert not sfmodel("story", "ran", "--against", "base")[2]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["base"],
            "base ran without a scenario, so there is no story to tell; run one, such as 'sfmodel run platform=shop scenario=",
        ),
        (["ran", "--against", "later"], "same platform, seed, start and window; start is 20:00 here and 21:00 there"),
        (["base", "--against", "other"], "this run has no trigger that its pair does not have, so there is no story"),
        (["ran", "--against", "ran"], "--against: ran is the run itself; name the same run without its scenario"),
        (["ran", "--story", "truble"], "there is no story 'truble'; did you mean 'trouble'?"),
        (["ran", "--against", "bass"], "there is no run 'bass' here or in runs; did you mean 'base'?"),
        (["ran", "--stories", "none.yaml"], "none.yaml: no such file or directory"),
    ],
)
def test_wrong_requests(sfmodel, words, expected):
    recorded_run("later", 180, start_s=EIGHT + 3600, config={"start": "21:00"}, platform="shop", seed=1)
    status, _, complaints = sfmodel("story", *words)
    assert status == 2
    assert expected in complaints


def test_a_scenario_without_a_title_is_one(sfmodel):
    events = {"scenario": {"title": "", **TRIGGER["scenario"]}}
    attrs = {"platform": "shop", "seed": 1, "scenario": ""}
    recorded_run("untitled", 180, edit(True), config=events, **attrs)
    assert find_pair(Path("runs/untitled"), Path("runs")) == Path("runs/base")
    assert find_pair(Path("runs/ran"), Path("runs")) == Path("runs/base")  # not the newer one with events of its own
    assert "ran beside base" not in sfmodel("story", "untitled", "--story", "trouble")[1]
    assert "3 of 3 steps were found" in sfmodel("story", "untitled", "--story", "trouble")[1]


def test_a_pair_that_lasts_as_long_is_preferred_to_a_newer_one(sfmodel):
    attrs = {"platform": "shop", "seed": 1, "config": {}}
    recorded_run("shorter", 30, edit(False), until_s=EIGHT + 300, **attrs)
    recorded_run(
        "ran-on",
        180,
        edit(True),
        until_s=EIGHT + 1800,
        **{**attrs, "config": TRIGGER, "scenario": "Trouble at ten past"},
    )
    recorded_run("longest", 90, edit(False), until_s=EIGHT + 900, **attrs)
    recorded_run("shortest", 6, edit(False), until_s=EIGHT + 60, **attrs)
    assert find_pair(Path("runs/ran-on"), Path("runs")) == Path("runs/longest")
    recorded_run("as-long", 240, edit(False), until_s=EIGHT + 2400, **attrs)
    recorded_run("again", 30, edit(False), until_s=EIGHT + 300, **attrs)
    assert find_pair(Path("runs/ran-on"), Path("runs")) == Path("runs/as-long")
    assert find_pair(Path("runs/as-long"), Path("runs")) is None  # it has no trigger


def test_a_step_with_a_wrong_key_is_one_mistake(tmp_path):
    path = tmp_path / "stories.yaml"
    path.write_text(
        yaml.safe_dump({"stories": {"trouble": {"title": "t", "steps": [{**STORY["steps"][0], "lable": "x"}]}}})
    )
    with pytest.raises(ConfigError) as error:
        read_stories(path)
    assert str(error.value).splitlines() == [
        f"{path}: stories.trouble.steps.0.lable: unknown key 'lable'; did you mean 'label'?"
    ]


def test_a_step_at_no_service_is_refused():
    with pytest.raises(ConfigError, match="story trouble: 'Never' is at 'shopp', which is no service; did you mean"):
        telling(steps=[{"label": "Never", "at": "shopp", "measure": "cost"}]).story("trouble")


def test_without_a_pair_it_says_how_to_make_one(sfmodel):
    recorded_run("lone", 180, edit(True), config=TRIGGER, platform="shop", seed=2, scenario="Trouble at ten past")
    status, _, complaints = sfmodel("story", "lone")
    assert status == 2
    assert "make it with the same command and scenario=none, or name it with --against" in complaints
