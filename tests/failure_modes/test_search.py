"""What breaks planted platforms is found, with the size that theory says; what cannot be broken is said not to be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from failure_modes.planted import RATE, answered, chain, in_memory, trials
from sfmodel.alerts.objectives import Objective
from sfmodel.failure_modes.places import places_of
from sfmodel.failure_modes.search import Search, placebos
from sfmodel.failure_modes.trials import Made
from sfmodel.failure_modes.triggers import FaultPlace
from sfmodel.failure_modes.words import nothing_found, unjudged_in_words
from sfmodel.running import checked


def places(config: dict, *hows: str) -> list[FaultPlace]:
    return [place for place in places_of(checked(config)) if place.how in hows]


def test_the_station_with_little_headroom_is_the_cheapest_to_break() -> None:
    """Of two stations, used 40 and 85 %, the second saturates first. It breaks when more comes than it can do, so that a queue
    grows: at a speed below 85 %."""
    config = chain({"a": 0.4, "b": 0.85})
    search = Search(trials(config, answered(0.9, "4 s")), places(config, "slower"), print, most=2, explored=4)
    search.run()
    best = search.modes()[0]
    (fault,) = best.trigger.faults
    assert (fault.place.thing, best.always, best.minimal) == ("b.cpu", True, True)
    assert 2.0**-fault.size < 0.85


def test_what_cannot_be_broken_is_said_not_to_be() -> None:
    """With a hundred times the servers that are needed nothing that makes a station slower, by 64 at most, fills it."""
    config = chain({"a": 0.01})
    search = Search(trials(config, answered(0.9, "1 min")), places(config, "slower"), print)
    search.run()
    assert search.modes() == []
    assert [place.name for place in search.harmless] == ["a.cpu, slower"]


def test_a_pair_breaks_what_neither_does_alone() -> None:
    """Two limits, each on an eighth of the requests for half of the time: one refuses 6 % at its largest, of a budget of 8 %."""
    config = chain({"a": 0.2})
    limit = {"kind": "token_bucket", "rate": f"{RATE / 2}/s", "burst": 1}
    web = config["platform"]["services"]["web"]
    steps = [
        {"choose": [{"probability": 0.12, "do": [{"pass": name}]}, {"probability": 0.88, "do": []}]}
        for name in ("x", "y")
    ]
    web["limiters"] = {"x": limit, "y": limit}
    web["endpoints"]["get"]["steps"][:1] = steps
    own = places(config, "lower limit")
    search = Search(trials(config, answered(0.92)), own, print, most=2, explored=24)
    search.run()
    modes = search.modes()
    assert modes
    assert all(one.trigger.things == {"web.x", "web.y"} for one in modes)
    assert modes[0].always


def test_no_trigger_is_found_by_chance_where_the_budget_is_small() -> None:
    """What changes nothing but chance breaks nothing: the excess must be beyond that of placebos."""
    config = chain({"a": 0.9})
    one = trials(config, answered(0.9999, "1 s"))
    harmless = placebos(places(config, "burst"))
    one.learn_chance(harmless)
    assert one.chance > 0
    assert not any(one.breaks_always([trigger for triggers in harmless for trigger in triggers]))


def test_chance_is_learned_where_a_placebo_moves_something() -> None:
    """A thousandth more of a source that hardly ever sends anything is nothing at all; of one that sends much it is something."""
    config = chain({"a": 0.9})
    config["platform"]["sources"]["rare"] = {"call": "web.get", "rate": "1/h"}
    own = places(config, "burst")
    one = trials(config, answered(0.9999, "1 s"))
    groups = placebos(sorted(own, key=lambda place: "sources.rare.rate" not in str(place)))
    one.learn_chance(groups[:1])
    assert one.chance == 0
    one.learn_chance(groups)
    assert one.chance > 0


def test_the_same_search_asks_for_the_same_runs() -> None:
    """So that one which is begun again finds what it has made, and one that went on longer has begun with the same."""
    config = chain({"a": 0.5, "b": 0.7})
    kept: dict[str, Any] = {}

    def asked(explored: int) -> list[str]:
        names: list[str] = []

        def make(mappings: Mapping[str, Mapping[str, Any]]) -> Made:
            names.extend(mappings)
            kept.update(in_memory({name: one for name, one in mappings.items() if name not in kept}))
            return {name: kept[name] for name in mappings}

        one = trials(config, answered(0.9, "4 s"))
        one.make = make
        Search(one, places(config, "slower"), print, most=1, explored=explored).run()
        return names

    first = asked(4)
    assert len(first) == len(set(first))
    assert asked(4) == first
    begins = 2 + 4 + 2  # pairs, placebos, screening
    assert asked(8)[: begins + 4] == first[: begins + 4]


def test_what_cannot_be_judged_is_not_harmless() -> None:
    """Runs of the second station fail; of the first nothing is too slow."""
    config = chain({"a": 0.01, "b": 0.01})
    one = trials(config, answered(0.9, "1 min"))

    def make(mappings: Mapping[str, Mapping[str, Any]]) -> Made:
        possible = {name: mapping for name, mapping in mappings.items() if "b.cpu" not in name}
        return {**in_memory(possible), **dict.fromkeys(mappings.keys() - possible, "there is no memory for it")}

    one.make = make
    search = Search(one, places(config, "slower"), print)
    search.run()
    assert [place.thing for place in search.harmless] == ["a.cpu"]
    assert [place.thing for place in search.unjudged] == ["b.cpu"]
    assert "each of 1 places was tried" in nothing_found(search)
    assert nothing_found(search).endswith("1 more could not be judged")
    assert unjudged_in_words(one) == "1 trial could not be judged: there is no memory for it"


def test_of_an_endpoint_where_nothing_arrives_nothing_is_known() -> None:
    config = chain({"a": 0.9})
    config["platform"]["services"]["web"]["endpoints"]["unused"] = {"steps": []}
    objective = Objective.model_validate({"name": "answered", "endpoints": ["web.unused"], "objective": 0.9})
    search = Search(trials(config, objective), places(config, "slower"), print)
    search.run()
    assert not search.harmless
    assert nothing_found(search) == "nothing is known: none of 1 places could be judged"
    said = unjudged_in_words(search.trials)
    assert said == "5 trials could not be judged: nothing arrives at web.unused from 00:01 on without it (5 times)"
    assert math.isfinite(search.trials.limit)


def test_a_minimal_trigger_is_tried_on_a_seed_that_no_step_has_seen() -> None:
    config = chain({"a": 0.3}, quota=1.05)
    one = trials(config, answered(0.99), held_out=(7,))
    asked: list[str] = []

    def make(mappings: Mapping[str, Mapping[str, Any]]) -> Made:
        asked.extend(mappings)
        return in_memory(mappings)

    one.make = make
    search = Search(one, places(config, "lower limit"), print, most=1, explored=0)
    search.run()
    (found,) = search.modes()
    assert found.minimal
    assert list(found.held_out) == one.harms([found.trigger], (7,))[0]
    first = next(k for k, name in enumerate(asked) if name.endswith("seed=7"))
    assert [name for name in asked[first:] if not name.endswith("seed=7")] == []
    assert len(asked[first:]) == 2  # the run without it, and the minimal trigger


@pytest.mark.parametrize("quota", [1.05, 1.5])
def test_screening_is_on_the_first_seed_and_modes_on_all(quota: float) -> None:
    config = chain({"a": 0.3}, quota=quota)
    one = trials(config, answered(0.99))
    search = Search(one, places(config, "lower limit"), print, most=1, explored=0)
    search.run()
    (found,) = search.modes()
    assert [len(harm) for harm in one.harms([found.trigger], one.setting.seeds)] == [2]
    assert found.trigger.cost <= math.log2(64) * 150 / 60
