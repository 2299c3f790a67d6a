"""The ranking of interventions, from runs with known effects."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

from ranking import CHANGES, SEVEN, _contest, _not_beaten, _order, _page, _ranks, _turned, newest

from sfmodel.aims import Aim

GOAL = Aim(id="good", title="Good", measure="x", unit="share", better="more")
SIXTEEN = [
    {name for name, chosen in zip(SEVEN, (a, b, c, d, a ^ b ^ c, b ^ c ^ d, a ^ c ^ d), strict=True) if chosen}
    for a, b, c, d in product((0, 1), repeat=4)
]
"""2^(7-3) of resolution IV."""
DEAR = Aim(id="dear", title="Dear", measure="x", cost=True)


def runs(part: str, demand: str, effects: dict[str, float], noise: float = 0.001) -> list[dict[str, str]]:
    """Three seeds of each change, with these effects on top of what the seed has in common, and chance."""
    rng = np.random.default_rng(7)
    return [
        {
            "part": part, "scenario": "none", "demand": demand, "set": "baseline", "intervention": change,
            "seed": str(seed), "good": str(0.5 + 0.1 * seed + effects.get(change, 0.0) + rng.normal(0, noise)),
            "dear": str(10 + len(change.split("+"))),
        }
        for change in CHANGES for seed in (1, 2, 3)
    ]  # fmt: skip


def test_who_changes_places_beyond_chance_is_named() -> None:
    plain = _contest(runs("evening", "1", {"breakers": 0.2, "priorities": 0.1}), GOAL)
    more = _contest(runs("demand", "1.03", {"breakers": 0.1, "priorities": 0.2}), GOAL)
    assert list(_turned(plain, more, GOAL)) == [("breakers", "priorities")]


def test_who_changes_places_by_chance_is_not() -> None:
    plain = _contest(runs("evening", "1", {"breakers": 0.0501, "priorities": 0.05}, noise=0.01), GOAL)
    more = _contest(runs("demand", "1.03", {"breakers": 0.05, "priorities": 0.0501}, noise=0.01), GOAL)
    assert list(_turned(plain, more, GOAL)) == []


def test_ranks_at_each_level_are_told() -> None:
    lines = runs("demand", "1", {"breakers": 0.2, "priorities": 0.1})
    lines += runs("demand", "1.03", {"breakers": 0.1, "priorities": 0.2})
    page = "\n".join(_ranks(lines, GOAL))
    row = next(line for line in page.splitlines() if line.startswith("| breakers"))
    assert [cell.strip()[0] for cell in row.split("|")[2:4]] == ["1", "2"]
    assert "demand 1.03: breakers and priorities." in page


def test_of_one_seed_it_is_said_that_nothing_is_known_of_chance() -> None:
    lines = runs("demand", "1", {"breakers": 0.2}) + runs("demand", "1.1", {"breakers": 0.1})
    page = "\n".join(_ranks([line for line in lines if line["seed"] == "2"], GOAL))
    assert "demand 1.10" in page
    assert "Seed 2 alone" in page
    assert "changes places with" not in page


def test_the_order_is_by_main_effect_and_then_by_storms() -> None:
    """Two do something on a plain evening, one of them much; of the others two help in F1, one only by chance."""
    failures = Aim(id="failures", title="Fail", measure="x", unit="share")
    rng = np.random.default_rng(3)
    lines = [
        {
            "part": "factorial", "scenario": "none", "intervention": "+".join(some) or "none", "seed": str(seed),
            "good": str(0.5 + 0.2 * ("priorities" in some) + 0.1 * ("breakers" in some) + rng.normal(0, 0.001)),
        }
        for some in SIXTEEN for seed in (1, 2, 3)
    ]  # fmt: skip
    storm = runs("evening", "1", {"profile_replicas": -0.3, "llm_timeout": -0.1, "vector_cache": -0.0001})
    lines += [{**line, "scenario": "f1_at_peak", "failures": line["good"]} for line in storm]
    rows = [line.split("|")[2].strip() for line in _order(lines, [GOAL, failures]) if line.startswith("| ")][1:]
    assert rows[:4] == ["priorities", "breakers", "profile_replicas", "llm_timeout"]
    assert sorted(rows) == sorted(SEVEN)


def test_a_set_that_another_beats_in_everything_is_left_out() -> None:
    points = {
        "a": {"good": 0.9, "dear": 5.0}, "b": {"good": 0.8, "dear": 6.0}, "c": {"good": 0.5, "dear": 1.0},
        "d": {"good": 0.5, "dear": 1.0},
    }  # fmt: skip
    assert _not_beaten(points, [GOAL, DEAR]) == ["a", "c", "d"]


def test_the_page_is_of_what_is_there() -> None:
    page = "\n".join(_page(runs("evening", "1", {SEVEN[0]: 0.2}), [GOAL, DEAR]))
    assert "## plain" in page
    assert "## F1" not in page
    assert page.index("| gateway_queue") < page.index("| breakers")


def test_runs_with_other_words_are_left_out_and_different_code_is_said() -> None:
    lines = runs("evening", "1", {SEVEN[0]: 0.2})
    old = [{**line, "sources": "old", "words": ""} for line in lines]
    new = [{**line, "sources": "new", "words": "", "good": "0.9"} for line in lines[:2]]
    short = [{**line, "sources": "new", "words": "platform.scale=0.01", "good": "0.1"} for line in lines]
    used = newest([*old, *new, *short])
    assert len(used) == len(lines)
    assert [line["good"] for line in used[:2]] == ["0.9", "0.9"]
    assert all(line["words"] == "" for line in used)
    page = "\n".join(_page(used, [GOAL, DEAR]))
    assert (
        f"**The runs are of different code**, and what differs between them may be its doing: old made {len(lines) - 2}"
        in page
    )
    assert "different code" not in "\n".join(_page(newest(old), [GOAL, DEAR]))
