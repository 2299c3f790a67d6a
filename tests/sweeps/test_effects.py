"""Effects of the changes of a sweep, from the summaries of its runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml

from sfmodel.errors import ConfigError, RunError
from sfmodel.results.folder import MANIFEST
from sfmodel.schema.files import conf_folder
from sfmodel.sweeps import Point, Sweep
from sfmodel.sweeps.effects import effects_of
from sfmodel.sweeps.effects_table import effects_data, said
from sfmodel.sweeps.observations import observe

Value = Callable[[Mapping[str, str]], float]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def sweep(value: Value, missing: int = 0, name: str = "s", **labels: list[str]) -> Path:
    """A sweep whose runs have a summary with one figure, x, in the peak hours."""
    points = []
    for chosen in product(*labels.values()):
        values = dict(zip(labels, chosen, strict=True))
        points.append(Point(",".join(chosen), values))
    folder = Path("runs") / name
    Sweep(["-m"], [], points, [], {"platform": {"name": "p"}}, {}).write(folder)
    for point in points[missing:]:
        run = folder / point.name
        run.mkdir()
        (run / MANIFEST).write_text("{}")
        figure = {"name": "X", "unit": "s", "value": value(point.values)}
        summary = {"run": {"seed": int(point.values.get("seed", 1))}, "whole": {}, "peak": {"x": figure}, "classes": {}}
        (run / "summary.json").write_text(json.dumps(summary))
    return folder


def test_sets_of_interventions_are_a_design_where_they_are_balanced() -> None:
    def value(at: Mapping[str, str]) -> float:
        on = at["intervention"].split("+")
        return 10 + 4 * ("a" in on) - 2 * ("b" in on) - 1 * ("a" in on and "b" in on) + int(at["seed"])

    [found] = effects_of(observe(sweep(value, intervention=["none", "a", "b", "a+b"], seed=["1", "2"])), ["x"])

    assert found.kind == "factorial"
    sizes = {row.title: row.sizes["x"].mean for row in found.rows}
    assert sizes == pytest.approx({"a": 4 - 0.5, "b": -2 - 0.5, "a × b": -0.5})
    assert [row.sizes["x"].is_found for row in found.rows] == [True] * 3  # seeds differ by what is in no effect


def test_one_at_a_time_is_each_beside_the_first() -> None:
    def value(at: Mapping[str, str]) -> float:
        return {"none": 5.0, "a": 7.0, "b": 5.0, "a+b+c": 1.0}[at["intervention"]] + 10 * int(at["seed"])

    labels = ["none", "a", "b", "a+b+c"]
    [found] = effects_of(observe(sweep(value, intervention=labels, seed=["1", "2", "3"])), ["x"])

    assert (found.kind, found.beside, found.level) == ("beside", "none", {"x": 25.0})
    assert {row.title: row.sizes["x"].mean for row in found.rows} == {"a": 2, "b": 0, "a+b+c": -4}
    assert [row.sizes["x"].is_found for row in found.rows] == [True, False, True]


def test_a_kind_of_failure_that_a_run_does_not_name_did_not_happen_in_it() -> None:
    folder = sweep(lambda at: 1.0, intervention=["none", "a", "b"], seed=["1", "2"])
    for seed in (1, 2):
        path = folder / f"a,{seed}" / "summary.json"
        summary = json.loads(path.read_text())
        for key in ("failed_timeout", "busiest"):  # a station's share is not known where it is not shown
            summary["peak"][key] = {"name": "Timeouts", "unit": "share", "value": 0.25}
        path.write_text(json.dumps(summary))

    [found] = effects_of(observe(folder), ["x", "failed_timeout", "busiest"])

    assert list(found.level) == ["x", "failed_timeout"]
    assert [row.sizes["failed_timeout"].mean for row in found.rows] == [0.25, 0]


def test_a_design_is_told_by_what_was_planned() -> None:
    labels = {"intervention": ["none", "a", "b", "a+b"], "seed": ["1", "2"]}
    with pytest.raises(RunError, match="1 points of the design have no run that is finished, the first is none,"):
        effects_of(observe(sweep(lambda at: 1.0, missing=2, **labels)), ["x"])


def test_the_point_beside_which_others_are_taken_must_be_there() -> None:
    labels = {"demand.level": ["1"], "intervention": ["none", "a", "b"], "seed": ["1", "2"]}
    with pytest.raises(
        RunError, match=r"^none, demand.level=1 is not finished, beside which all others are taken; go on"
    ):
        effects_of(observe(sweep(lambda at: 1.0, missing=2, **labels)), ["x"])


def test_other_points_may_be_missing_and_are_named() -> None:
    folder = sweep(
        lambda at: 1.0, **{"demand.level": ["1", "2"], "intervention": ["none", "a", "b"], "seed": ["1", "2"]}
    )
    for name in ("1,b,1", "1,b,2", *(f"2,{one},{seed}" for one in ("none", "a", "b") for seed in (1, 2))):
        shutil.rmtree(folder / name)

    observations = observe(folder)
    [found] = effects_of(observations, ["x"])

    assert [row.title for row in found.rows] == ["a"]
    assert effects_data([found], observations)["missing"] == observations.missing
    assert len(observations.missing) == 8


def replicated(first_seeds: list[str], count: int) -> Path:
    """The sweep of two points and several first seeds, each run of which has so many replications."""
    folder = sweep(lambda at: 0.0, intervention=["none", "a"], seed=first_seeds)
    for run in [path for path in folder.iterdir() if path.is_dir()]:
        for seed in range(int(run.name.partition(",")[2]), int(run.name.partition(",")[2]) + count):
            summary = json.loads((run / "summary.json").read_text())
            summary["run"]["seed"], summary["peak"]["x"]["value"] = seed, seed * (2 if run.name[0] == "a" else 1)
            (run / "replications" / str(seed)).mkdir(parents=True)
            (run / "replications" / str(seed) / "summary.json").write_text(json.dumps(summary))
    return folder


def test_each_replication_of_each_seed_counts() -> None:
    [found] = effects_of(observe(replicated(["1", "11"], 5)), ["x"])
    assert found.seeds == [1, 2, 3, 4, 5, 11, 12, 13, 14, 15]
    assert found.rows[0].sizes["x"].mean == np.mean(found.seeds)


def test_replications_that_share_a_seed_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"^intervention=none,seed=2 is there 2 times.*at least as far apart as there"
    ):
        observe(replicated(["1", "2"], 2))


def test_levels_of_demand_are_taken_apart() -> None:
    def value(at: Mapping[str, str]) -> float:
        return float(at["demand.level"]) * (1 + ("a" in at["intervention"].split("+")))

    labels = {"demand.level": ["1", "2"], "intervention": ["none", "a"], "seed": ["1", "2"]}
    found = effects_of(observe(sweep(value, **labels)), ["x"])

    assert [(dict(one.where), one.rows[0].sizes["x"].mean) for one in found] == [
        ({"demand.level": "1"}, 1.0), ({"demand.level": "2"}, 2.0),
    ]  # fmt: skip


def test_two_values_of_any_key_are_a_factor() -> None:
    a, b = (f"platform.services.{name}.stations.cpu.servers" for name in "ab")
    observations = observe(sweep(lambda at: float(at[a]), **{a: ["3", "6"], b: ["1", "2"], "seed": ["1", "2"]}))
    [found] = effects_of(observations, ["x"])

    assert [row.title for row in found.rows] == [
        "a.stations.cpu.servers 3 → 6", "b.stations.cpu.servers 1 → 2", "a.stations.cpu.servers × b.stations.cpu.servers",
    ]  # fmt: skip
    assert [row.sizes["x"].mean for row in found.rows] == [3, 0, 0]


def test_of_a_grid_each_value_is_beside_its_keys_first() -> None:
    def value(at: dict[str, str]) -> float:
        a, b = {"1": 0.1, "2": 3.1, "3": 10.1}[at["a"]], {"x": 0.3, "y": 5.3}[at["b"]]
        return a + b + 4.0 * (at["a"] == "3" and at["b"] == "y")

    [found] = effects_of(observe(sweep(value, a=["1", "2", "3"], b=["x", "y"], seed=["1", "2"])), ["x"])

    assert {row.title: row.sizes["x"].mean for row in found.rows} == pytest.approx(
        {"a 1 → 2": 3, "a 1 → 3": 12, "b x → y": 5 + 4 / 3, "a 1 → 2 × b x → y": 0, "a 1 → 3 × b x → y": 2}
    )
    assert found.rows[3].sizes["x"].mean == 0  # not what rounding leaves
    assert found.kind == "grid"
    assert [row.is_interaction for row in found.rows] == [False] * 3 + [True] * 2
    assert "less the mean with the key's first, over all points and seeds 1, 2" in said(found)


def test_of_two_seeds_the_intervals_of_a_grid_are_said_to_be_wide() -> None:
    labels = {"a": ["1", "2", "3"], "b": ["x", "y"]}
    two, three = (
        effects_of(observe(sweep(lambda at: 1.0, name=seeds, seed=list(seeds), **labels)), ["x"])[0]
        for seeds in ("12", "123")
    )
    assert "a third narrows them" in said(two)
    assert "a third narrows them" not in said(three)


def test_a_grid_that_is_half_done_is_taken_beside_its_first_point() -> None:
    observations = observe(sweep(lambda at: float(at["a"]), a=["1", "2", "3"], b=["x", "y"], seed=["1"]))
    [found] = effects_of(replace(observations, every=observations.every[:-1]), ["x"])
    assert found.kind == "beside"
    assert found.beside == "a=1, b=x"


def test_a_design_that_is_half_done_is_judged_by_the_seeds_that_all_points_have() -> None:
    labels = {"intervention": ["none", "a", "b", "a+b"], "seed": ["1", "2"]}
    observations = observe(sweep(lambda at: 3.0 * ("a" in at["intervention"]), missing=1, **labels))
    [found] = effects_of(observations, ["x"])
    assert found.seeds == [2]
    assert observations.missing == ["none,1"]
    assert {row.title: row.sizes["x"].mean for row in found.rows} == {"a": 3, "b": 0, "a × b": 0}


def test_a_part_of_which_nothing_can_be_said_yet_is_left_out() -> None:
    labels = {"demand.level": ["1", "2"], "intervention": ["none", "a", "b", "a+b"], "seed": ["1", "2"]}
    observations = observe(sweep(lambda at: float(at["demand.level"]), **labels))
    begun = replace(observations, every=observations.every[:9])
    assert [dict(one.where) for one in effects_of(begun, ["x"])] == [{"demand.level": "1"}]


def test_a_sweep_of_seeds_has_no_effects() -> None:
    with pytest.raises(ConfigError, match="changes nothing"):
        effects_of(observe(sweep(lambda at: 1.0, seed=["1", "2"])), ["x"])


def sets_in(name: str) -> list[set[str]]:
    written = yaml.safe_load((conf_folder() / f"sweep/{name}.yaml").read_text())
    return [set(one) for one in yaml.safe_load(f"[{written['hydra']['sweeper']['params']['intervention']}]")]


def test_sixteen_points_are_the_fraction_of_a_well_kept_library() -> None:
    """pyDOE makes 2^(7-3) from its generators; the points are the same, in whatever order."""
    pydoe = pytest.importorskip("pydoe", reason="pydoe makes the design that is compared with")
    design = pydoe.fracfact("a b c d abc bcd acd")
    names = [
        "gateway_queue", "llm_timeout", "breakers", "gradual_invalidation", "profile_replicas", "vector_cache", "priorities",
    ]  # fmt: skip
    wanted = [{name for name, level in zip(names, point, strict=True) if level > 0} for point in design]
    assert sorted(map(sorted, sets_in("seven_in_16"))) == sorted(map(sorted, wanted))


def test_all_sets_and_one_at_a_time() -> None:
    every = sets_in("seven_in_128")
    assert len({frozenset(one) for one in every}) == 128
    assert [len(one) for one in sets_in("one_at_a_time")] == [0, 1, 1, 1, 1, 1, 1, 1, 7]
    assert np.sum([len(one) for one in every]) == 7 * 64


def test_it_is_said_how_intervals_came_about() -> None:
    def told(labels: list[str], seeds: list[str]) -> str:
        name = f"of-{len(labels)}-{len(seeds)}"
        [found] = effects_of(observe(sweep(lambda at: 1.0, name=name, intervention=labels, seed=seeds)), ["x"])
        return said(found)

    full = ["none", "a", "b", "a+b"]
    assert "a third seed gives each its own" in told(full, ["1", "2"])
    assert "taken to be alike" not in told(full, ["1", "2", "3"])
    row = [1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0]
    points = [[name for name, on in zip("abcde", row[k:] + row[:k], strict=False) if on] for k in range(11)]
    assert "mixes interactions into the effects" in told(["+".join(one) for one in points] + ["none"], ["1", "2"])
