"""Labels as addresses, and interventions: what is inserted where, and what a user reads when it does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from small_platform import put, small

from sfmodel.errors import ConfigError
from sfmodel.plan import build_plan
from sfmodel.schema import parse_run
from sfmodel.schema.labels import with_numbers
from sfmodel.schema.references import check_references

GET = "services.web.endpoints.get"
STEPS = f"{GET}.steps"


def labelled(**changes: Any) -> dict[str, Any]:
    """The small platform with a script that has labels: cached, query, and fallback in a handler of query."""
    mapping = small(**changes)
    put(mapping, "platform.services.web.stations.locks", {"servers": 1})
    put(
        mapping,
        f"platform.{STEPS}",
        [
            {"lookup": "pages", "label": "cached", "on_hit": "return"},
            {
                "call": "db.query",
                "label": "query",
                "timeout": "1 s",
                "on_timeout": {"sleep": "1 ms", "label": "fallback"},
            },
        ],
    )
    return mapping


def steps_with(*changes: dict[str, Any], **more: dict[str, Any]) -> Any:
    mapping = labelled()
    mapping["intervention"] = {"first": {"changes": list(changes)}} | more
    run = parse_run(mapping)
    check_references(run)
    return run.platform.services["web"].endpoints["get"].steps


# Labels


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("query.timeout", "1.timeout"),
        ("1.timeout", "1.timeout"),
        ("fallback.sleep", "1.on_timeout.sleep"),
        ("query.on_timeout.fallback.sleep", "1.on_timeout.sleep"),
        ("query.on_timeout.sleep", "1.on_timeout.sleep"),
    ],
)
def test_a_label_stands_for_the_way_to_its_step(key: str, numbers: str) -> None:
    assert with_numbers(f"platform.{STEPS}.{key}".split("."), labelled()) == f"platform.{STEPS}.{numbers}".split(".")


@pytest.mark.parametrize(
    ("steps", "key", "expected"),
    [
        (None, "qery", "there is no step 'qery' in platform.{}; did you mean 'query'?"),
        (None, "query.on_timeout.cached", "there is no step 'cached' in platform.{}.1.on_timeout; did you mean"),
        ([{"sleep": 0}], "query", "there is no step 'query' in platform.{}: none has a label; give it one, or use its"),
        (
            [{"sleep": 0, "label": "a"}, {"fork": [[{"sleep": 0, "label": "a"}]]}],
            "a",
            "several steps have the label 'a': platform.{0}.0 and platform.{0}.1.fork.0.0; use one of these keys",
        ),
    ],
)
def test_a_label_that_no_step_or_several_have(steps: list | None, key: str, expected: str) -> None:
    mapping = labelled()
    if steps is not None:
        put(mapping, f"platform.{STEPS}", steps)
    with pytest.raises(ConfigError) as raised:
        with_numbers(f"platform.{STEPS}.{key}".split("."), mapping)
    assert str(raised.value).startswith(expected.format(STEPS).removesuffix("did you mean"))


@pytest.mark.parametrize("label", ["3", "a.b", "", "a b"])
def test_what_is_no_label(label: str) -> None:
    mapping = labelled()
    put(mapping, f"platform.{STEPS}.0.label", label)
    with pytest.raises(ConfigError, match=r"expected a label of letters, digits, _ and -, that begins with a letter"):
        parse_run(mapping)


def test_an_event_may_name_a_step_by_its_label() -> None:
    mapping = labelled(scenario={"events": [{"at": "10 s", "scale": {f"{STEPS}.query.timeout": 2}}]})
    run = parse_run(mapping)
    check_references(run)
    put(mapping, "scenario.events.0.scale", {f"{STEPS}.qery.timeout": 2})
    with pytest.raises(ConfigError, match=r"scenario.events.0.scale: unknown key .* did you mean 'query'"):
        check_references(parse_run(mapping))


# Changes


def test_a_value_is_set() -> None:
    steps = steps_with({"set": {f"{STEPS}.query.timeout": "3 s", f"{STEPS}.query.retries": {"attempts": 3}}})
    assert (steps[1].timeout, steps[1].retries.attempts) == (3, 3)


def test_a_handler_is_set_and_taken_away() -> None:
    steps = steps_with({"set": {f"{STEPS}.query.on_timeout": None, f"{STEPS}.query.on_failure": "continue"}})
    assert (steps[1].on_timeout, steps[1].on_failure) == (None, [])


def test_steps_are_put_before_and_behind_a_step() -> None:
    steps = steps_with(
        {"before": f"{STEPS}.query", "do": {"sleep": "1 s"}},
        {"after": f"{STEPS}.query", "do": [{"sleep": "2 s"}, {"sleep": "3 s", "label": "mine"}]},
    )
    assert [getattr(step, "sleep", None) and step.sleep.constant for step in steps] == [None, 1, None, 2, 3]
    assert [step.label for step in steps] == ["cached", "first_1", "query", "first_2", "mine"]


def test_a_number_means_the_step_that_the_file_has_under_it() -> None:
    """So that interventions can be switched on in any order."""
    before = {"changes": [{"before": f"{STEPS}.0", "do": {"sleep": "1 s"}}]}
    behind = {"changes": [{"after": f"{STEPS}.0", "do": {"sleep": "2 s"}}, {"set": {f"{STEPS}.1.timeout": "3 s"}}]}
    for order in ({"a": before, "b": behind}, {"b": behind, "a": before}):
        mapping = labelled(intervention=order)
        steps = parse_run(mapping).platform.services["web"].endpoints["get"].steps
        assert [step.label for step in steps] == ["a_1", "cached", "b_1", "query"]
        assert steps[3].timeout == 3


def test_a_step_that_was_replaced_has_no_number_any_more() -> None:
    replaced = {"changes": [{"replace": f"{STEPS}.0", "do": {"sleep": "1 s"}}]}
    other = {"changes": [{"before": f"{STEPS}.0", "do": {"sleep": "1 s"}}]}
    with pytest.raises(ConfigError, match=r"step 0 was replaced by intervention 'a'; in intervention=.* behind this"):
        parse_run(labelled(intervention={"a": replaced, "b": other}))
    parse_run(labelled(intervention={"b": other, "a": replaced}))


def test_a_step_without_a_list_has_others_beside_it() -> None:
    steps = steps_with({"after": f"{STEPS}.fallback", "do": "return"})
    assert [type(step).__name__ for step in steps[1].on_timeout] == ["Sleep", "Return"]


def test_a_step_is_replaced_or_taken_away() -> None:
    assert [step.label for step in steps_with({"replace": f"{STEPS}.query", "do": {"sleep": 0}})] == [
        "cached",
        "first_1",
    ]
    assert [step.label for step in steps_with({"replace": f"{STEPS}.query", "do": []})] == ["cached"]


def test_a_step_is_wrapped() -> None:
    _, outer = steps_with(
        {"replace": f"{STEPS}.query", "do": {"hold": "locks", "do": [{"choose": [{"probability": 1, "do": "original"}]}]}}
    )  # fmt: skip
    assert outer.do[0].choose[0].do[0].call == "db.query"
    assert [outer.label, outer.do[0].label, outer.do[0].choose[0].do[0].label] == ["first_1", "first_2", "query"]


def test_a_star_stands_for_every_name_under_which_the_label_is_found() -> None:
    def timeouts(*changes: dict[str, Any]) -> dict[str, list[Any]]:
        mapping = labelled(intervention={"first": {"changes": list(changes)}})
        endpoints = mapping["platform"]["services"]["web"]["endpoints"]
        endpoints["other"] = {"steps": [{"call": "db.query", "label": "query"}]}
        endpoints["third"] = {"steps": [{"sleep": 0}]}
        found = parse_run(mapping).platform.services["web"].endpoints
        return {
            name: [getattr(step, "timeout", None) for step in found[name].steps] for name in ("get", "other", "third")
        }

    every = "services.web.endpoints.*.steps.query"
    assert timeouts({"set": {f"{every}.timeout": "3 s"}}) == {"get": [None, 3], "other": [3], "third": [None]}
    put_before = timeouts({"before": every, "do": {"sleep": 0}})
    assert {name: len(steps) for name, steps in put_before.items()} == {"get": 3, "other": 2, "third": 1}
    with pytest.raises(ConfigError, match=r"there is no step 'qery' in"):
        timeouts({"set": {"services.web.endpoints.*.steps.qery.timeout": "3 s"}})
    with pytest.raises(ConfigError, match=r"there is no 'timout' in"):
        timeouts({"set": {f"{every}.timout": "3 s"}})
    with pytest.raises(ConfigError, match=r"there is nothing in services.web.queues for which the \* could stand"):
        timeouts({"set": {"services.web.queues.*.limit": 3}})


def test_two_interventions_act_in_order_and_find_each_others_steps() -> None:
    second = {"changes": [{"set": {f"{STEPS}.query.timeout": "5 s"}}, {"before": f"{STEPS}.first_1", "do": "return"}]}
    _, outer = steps_with({"replace": f"{STEPS}.query", "do": {"hold": "locks", "do": "original"}}, second=second)[1:]
    assert outer.do[0].timeout == 5


def test_a_new_thing_has_a_name_of_its_own() -> None:
    mapping = labelled(intervention={"first": {"changes": [{"set": {"services.web.stations.cpu": {"servers": 3}}}]}})
    assert parse_run(mapping).platform.services["web"].stations["cpu"].servers == 3


def test_changes_are_made_once_and_parameters_are_kept() -> None:
    mapping = labelled(intervention={"first": {"title": "X", "pause": "1 s", "changes": []}})
    put(mapping, "intervention.first.changes", [{"before": f"{STEPS}.query", "do": {"sleep": "1 s"}}])
    run = parse_run(mapping)
    assert run.written["intervention"] == {"first": {"title": "X", "pause": "1 s", "changes": []}}
    assert parse_run(run.written).platform == run.platform
    assert len(mapping["platform"]["services"]["web"]["endpoints"]["get"]["steps"]) == 2


def test_an_inserted_step_shifts_no_draw_of_the_others() -> None:
    def salts(*changes: dict[str, Any]) -> set[int]:
        mapping = labelled(intervention={"first": {"changes": list(changes)}})
        put(mapping, f"platform.{STEPS}.1", {"use": "workers", "time": {"exponential": "1 s"}})
        return {int(salt) for salt in build_plan(parse_run(mapping)).arrays["ops"]["salt"]}

    before = salts()
    after = salts({"before": f"{STEPS}.1", "do": {"use": "workers", "time": {"exponential": "1 s"}}})
    assert before < after


# Mistakes


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"before": f"{STEPS}.qery", "do": "return"},
            f"there is no step 'qery' in platform.{STEPS}; did you mean 'query'?",
        ),
        ({"after": f"{STEPS}.7", "do": "return"}, f"'{STEPS}.7': there is no '7' in platform.{STEPS}; valid are: 0, 1"),
        ({"after": STEPS, "do": "return"}, f"'{STEPS}' is no step; expected a key that ends with a step's label or"),
        (
            {"set": {"services.wob.stations.workers.servers": 1}},
            "'services.wob.stations.workers.servers': there is no 'wob' in platform.services; did you mean 'web'?",
        ),
        (
            {"set": {"services.web.stations.workers.severs": 1}},
            "there is no 'severs' in platform.services.web.stations.workers; did you mean 'servers'?",
        ),
        ({"do": "return"}, "expected one of set, before, after, replace, found none"),
        ({"before": f"{STEPS}.0"}, "expected do with before, after and replace"),
        ({"befor": f"{STEPS}.0", "do": []}, "befor: unknown key 'befor'; did you mean 'before'?"),
        ({"before": f"{STEPS}.0", "do": {"slep": 0}}, "do: expected a verb in the step, found 'slep'; did you mean"),
        (
            {"before": f"{STEPS}.0", "do": [{"use": "workers", "time": "5 MB"}]},
            "do.0.time: expected a duration such as '5 ms', found '5 MB', which is in megabyte",
        ),
    ],
)
def test_a_change_that_does_not_fit(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        steps_with(change)
    line = str(raised.value).splitlines()[-1]
    assert line.startswith("intervention.first.changes.0")
    assert expected in line


def test_a_value_that_does_not_fit_names_the_intervention() -> None:
    with pytest.raises(ConfigError) as raised:
        steps_with({"set": {f"{STEPS}.query.timeout": "5 MB"}})
    assert str(raised.value) == (
        f"with intervention=[first]: platform.{STEPS}.1.timeout: expected a duration such as '5 ms', found '5 MB', "
        "which is in megabyte"
    )


def test_a_name_that_is_not_there_names_the_intervention() -> None:
    with pytest.raises(ConfigError) as raised:
        steps_with({"after": f"{STEPS}.query", "do": {"call": "db.qery"}})
    assert str(raised.value) == (
        f"with intervention=[first]: platform.{STEPS}.2.call: there is no endpoint of db 'qery'; did you mean 'query'?"
    )


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"changes": []}, "begin the file with '# @package intervention.NAME'"),
        ({"first": {"pause": "1 s"}}, "intervention.first: this intervention is not switched on, or its file has no"),
        ({"first": {"changes": 3}}, "intervention.first.changes: expected a list, found 3"),
        ({"first": 3}, "intervention.first: expected a mapping (key: value), found 3"),
        ([1], "intervention: expected a mapping (key: value), found [1]"),
    ],
)
def test_what_is_no_intervention(section: Any, expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_run(labelled(intervention=section))
    assert expected in str(raised.value)
