"""Which change is best: probabilities that are right as often as they say, on synthetic worlds with known effects."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import t

from sfmodel.sweeps.selection import contest, go_on

NAMES = ["none", "a", "b", "c"]


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand: the standard error of a probability of one half is 1.6 points, of what hundreds of worlds show much less."""
    monkeypatch.setattr("sfmodel.sweeps.selection.DRAWS", 1000)


def world(rng: np.random.Generator, effects: np.ndarray, seeds: int, chance: float) -> dict[tuple[str, int], float]:
    figures = effects[:, None] + rng.normal(0, 10, seeds) + rng.normal(0, chance, (len(NAMES), seeds))
    return table(NAMES, figures)


def table(names: Sequence[str], figures: np.ndarray) -> dict[tuple[str, int], float]:
    """Figures of shape [change, seed] as a contest takes them."""
    return {
        (name, seed): float(value) for name, row in zip(names, figures, strict=True) for seed, value in enumerate(row)
    }


def test_what_seeds_have_in_common_is_in_no_effect() -> None:
    seen = {
        (name, seed): effect + 100.0 * seed
        for name, effect in zip(NAMES, (0, 3, -1, 2), strict=True)
        for seed in range(3)
    }
    found = contest(seen, NAMES, more_is_better=True)
    assert found.mean == pytest.approx([0, 3, -1, 2])
    assert found.best.tolist() == [0, 1, 0, 0]
    assert contest(seen, NAMES, more_is_better=False).best.tolist() == [0, 0, 1, 0]


def test_a_change_that_was_dropped_is_judged_by_its_own_seeds() -> None:
    seen = {
        (name, seed): effect + 100.0 * seed
        for name, effect in zip(NAMES, (0, 3, -1, 2), strict=True)
        for seed in range(4)
    }
    for seed in (2, 3):
        del seen["b", seed]
    assert contest(seen, NAMES, more_is_better=True).mean == pytest.approx([0, 3, -1, 2])


def test_one_seed_says_nothing_of_chance() -> None:
    found = contest({(name, 1): 1.0 for name in NAMES}, NAMES, more_is_better=True)
    assert np.isnan(found.best).all()
    assert go_on(found, NAMES, more_is_better=True) == NAMES


def test_probabilities_are_calibrated() -> None:
    """Effects drawn from a wide prior, 3 seeds: of all claims of 60 to 80 % and of more than 95 % as many are right. 1500
    worlds of four claims; the standard error of a share near 0.7 over some 300 claims is 2.6 points, allowed are three."""
    rng = np.random.default_rng(7)
    claims, right = [], []
    for _ in range(1500):
        effects = rng.normal(0, 2, len(NAMES))
        found = contest(world(rng, effects, 3, 1.0), NAMES, more_is_better=True)
        claims.extend(found.best)
        right.extend(np.arange(len(NAMES)) == np.argmax(effects))
    claimed, were = np.array(claims), np.array(right)
    for low, high in ((0.6, 0.8), (0.95, 1.01)):
        inside = (claimed >= low) & (claimed < high)
        assert inside.sum() > 200
        error = np.sqrt(claimed[inside].mean() * (1 - claimed[inside].mean()) / inside.sum())
        assert abs(were[inside].mean() - claimed[inside].mean()) < 3 * error + 0.01


def test_equal_changes_share_the_probability() -> None:
    rng = np.random.default_rng(3)
    shares = [contest(world(rng, np.zeros(4), 4, 1.0), NAMES, more_is_better=True).best for _ in range(400)]
    assert np.mean(shares, axis=0) == pytest.approx(np.full(4, 0.25), abs=0.05)


def test_runs_go_to_the_better_half_and_to_who_may_still_be_best() -> None:
    rng = np.random.default_rng(5)
    found = contest(world(rng, np.array([0.0, 9.0, 8.5, -9.0]), 3, 0.5), NAMES, more_is_better=True)
    assert go_on(found, NAMES, more_is_better=True) == ["none", "a", "b"]


def test_changes_that_show_the_same_share_and_rounding_ranks_nobody() -> None:
    common = (6.1, 6.3, 5.9)
    seen = {
        (name, seed): common[seed] * (1 + 1e-15 * k) + (0.5 * common[seed] if name == "c" else 0.0)
        for k, name in enumerate(NAMES)
        for seed in range(3)
    }
    found = contest(seen, NAMES, more_is_better=False)
    assert found.mean[1:3].tolist() == [0.0, 0.0]
    assert found.best == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0], abs=0.01)
    assert found.size("a").half == 0


@pytest.mark.parametrize(("seeds", "least"), [(4, 0.95), (6, 0.99)])
def test_probabilities_are_calibrated_where_some_changes_vary_more_than_others(seeds: int, least: float) -> None:
    """300 worlds of nine changes, of which two vary seven times as much from seed to seed: intervals of all effects hold as often
    as they say (standard error 0.5 points, some more since those of a world are not independent), and of the claims that one is
    best on which something hangs, of more than 80, as many are right: within three standard errors and a point."""
    rng = np.random.default_rng(11)
    names = [*NAMES, *"defgh"]
    chance = np.array([0.2, 1.5, 1.5, *[0.2] * 6])
    holds, claimed, right = [], [], []
    for _ in range(300):
        effects = rng.normal(0, 1.5, len(names))
        figures = effects[:, None] + rng.normal(0, 10, seeds) + chance[:, None] * rng.normal(size=(len(names), seeds))
        found = contest(table(names, figures), names, more_is_better=True)
        sizes = [found.size(name) for name in names[1:]]
        holds += [abs(one.mean - (a - effects[0])) <= one.half for one, a in zip(sizes, effects[1:], strict=True)]
        sure = np.flatnonzero(found.best >= least)
        claimed += found.best[sure].tolist()
        right += [k == np.argmax(effects) for k in sure]
    assert abs(np.mean(holds) - 0.95) < 0.025
    assert len(right) > 80
    error = np.sqrt(np.mean(claimed) * (1 - np.mean(claimed)) / len(right))
    assert abs(np.mean(right) - np.mean(claimed)) < 3 * error + 0.01


@pytest.mark.parametrize(
    ("changes", "wild", "seeds", "hold", "wider"),
    [
        (3, 0, 4, 0.92, 2.5),
        (3, 2, 4, 0.92, 2.5),
        (5, 0, 4, 0.92, 1.4),
        (5, 4, 4, 0.92, 1.4),
        (9, 8, 4, 0.91, 1.3),
        (9, 0, 2, 0.8, 1.6),
    ],
)
def test_intervals_where_one_change_varies_much_more(
    changes: int, wild: int, seeds: int, hold: float, wider: float
) -> None:
    """200 worlds, one change with twenty times the chance. Intervals beside it hold in as many as docs/sweeps.md says (those of
    a world are nearly one: three standard errors are 6 to 8 points), those between two others in 95 of 100 at least (less 3),
    and these are in the median no wider than it says."""
    rng = np.random.default_rng(23)
    names = [f"c{k}" for k in range(changes)]
    chance = np.where(np.arange(changes) == wild, 2.0, 0.1)
    calm = [name for k, name in enumerate(names) if k != wild]
    beside_wild, between_calm, half, alone = [], [], [], []
    for _ in range(200):
        effects = rng.normal(0, 1, changes)
        figures = effects[:, None] + rng.normal(0, 10, seeds) + chance[:, None] * rng.normal(size=(changes, seeds))
        seen = table(names, figures)
        found = contest(seen, names, more_is_better=True)
        without = contest({key: value for key, value in seen.items() if key[0] in calm}, calm, more_is_better=True)
        for k in range(changes):
            for j in range(k):
                size = found.size(names[k], names[j])
                holds = abs(size.mean - (effects[k] - effects[j])) <= size.half
                (beside_wild if wild in (j, k) else between_calm).append(holds)
        half.append(found.size(calm[1], calm[0]).half)
        alone.append(without.size(calm[1], calm[0]).half)
    assert np.mean(beside_wild) == pytest.approx(hold, abs=0.08 if seeds == 2 else 0.06)
    assert np.mean(between_calm) > 0.92
    assert np.median(half) < wider * np.median(alone)


@pytest.mark.parametrize("seeds", [2, 3, 4])
def test_of_two_changes_the_interval_is_students(seeds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The half is that of the paired t test to three standard errors of a quantile of so many draws: 12 % with one degree of
    freedom, 4 and 3 % with two and three."""
    monkeypatch.setattr("sfmodel.sweeps.selection.DRAWS", 10_000)
    rng = np.random.default_rng(1)
    figures = rng.normal(size=(2, seeds))
    found = contest(table(["none", "a"], figures), ["none", "a"], more_is_better=True)
    half = t.ppf(0.975, seeds - 1) * (figures[1] - figures[0]).std(ddof=1) / np.sqrt(seeds)
    assert found.size("a").half == pytest.approx(half, rel={2: 0.12, 3: 0.04, 4: 0.03}[seeds])


def test_whatever_has_ended_there_is_a_judgement() -> None:
    """Runs of two rounds in any order, of changes whose chance differs by powers of ten: probabilities, or not known."""
    rng = np.random.default_rng(0)
    known = 0
    for _ in range(60):
        names = [f"c{k}" for k in range(rng.integers(2, 9))]
        chance = 10.0 ** rng.uniform(-3, 3, len(names))
        jobs = [(k, seed) for seed in (1, 2) for k in range(len(names))]
        seen: dict[tuple[str, int], float] = {}
        for at in rng.permutation(len(jobs)):
            k, seed = jobs[at]
            seen[names[k], seed] = float(rng.normal(0, chance[k]))
            there = [name for name in names if any(name == one for one, _ in seen)]
            if len(there) > 1:
                found = contest(seen, there, more_is_better=True)
                known += not np.isnan(found.best).any()
                assert np.isnan(found.best).all() or found.best.sum() == pytest.approx(1)
                assert np.isfinite(found.mean).all()
    assert known > 100


@pytest.mark.parametrize(("offset", "unit"), [(1e5, 1.0), (0.0, 1e-12), (0.0, 1e12)])
def test_neither_an_offset_nor_the_unit_matters(offset: float, unit: float) -> None:
    figures = np.random.default_rng(4).normal(size=(4, 5)) * np.array([[1.0], [0.01], [0.01], [1.0]])
    plain = contest(table(NAMES, figures), NAMES, more_is_better=True)
    moved = contest(table(NAMES, offset + unit * figures), NAMES, more_is_better=True)
    assert moved.mean / unit == pytest.approx(plain.mean, rel=1e-5)
    assert moved.best == pytest.approx(plain.best, abs=0.002)
    assert moved.size("a").half / unit == pytest.approx(plain.size("a").half, rel=1e-4)


def test_turns_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """On tables whose variances differ by powers of ten, some half-finished, the answer does not hang on the last turn."""
    rng = np.random.default_rng(8)
    for _ in range(60):
        figures = rng.normal(size=(rng.integers(3, 7), rng.integers(3, 7))) * 10.0 ** rng.uniform(-2, 2, (1, 1))
        figures *= 10.0 ** rng.uniform(-2, 0, (len(figures), 1))
        figures[rng.random(figures.shape) < 0.15] = np.nan
        figures[0] = rng.normal(size=figures.shape[1])
        names = [f"c{k}" for k in range(len(figures))]
        seen = {key: value for key, value in table(names, figures).items() if np.isfinite(value)}
        there = [name for name in names if any(name == one for one, _ in seen)]
        judged = []
        for turns in (199, 200):
            monkeypatch.setattr("sfmodel.sweeps.two_way.TURNS", turns)
            judged.append(contest(seen, there, more_is_better=True).draws)
        np.testing.assert_array_equal(*judged)


def test_who_agrees_with_two_that_do_not_agree_is_by_itself() -> None:
    rows = {"a": [0, 0], "b": [0, 0, 5, 6], "c": [0, 0, 0, 1], "d": [3, 2, 1.5, 9]}
    seen = {(name, seed): float(value) for name, row in rows.items() for seed, value in enumerate(row)}
    judged = {}
    for names in permutations(rows):
        found = contest(seen, names, more_is_better=False)
        judged[names] = [found.best[names.index(name)] for name in rows]
    first = judged["a", "b", "c", "d"]
    assert first[2] > first[0] > first[1]
    for one in judged.values():
        assert one == pytest.approx(first, abs=0.08)  # five standard errors of 1000 draws


def test_of_changes_that_nothing_joins_nothing_is_said_to_be_probable() -> None:
    seen = {("none", 1): 1.0, ("a", 2): 2.0, ("b", 2): 2.5, ("none", 3): 1.1, ("a", 4): 2.1, ("b", 4): 2.2}
    assert np.isnan(contest(seen, ["none", "a", "b"], more_is_better=True).best).all()


def test_where_no_two_changes_share_two_seeds_chance_is_known_by_all_three() -> None:
    seen = {("none", 1): 1.0, ("none", 2): 4.0, ("a", 2): 5.0, ("a", 3): 9.0, ("b", 1): 3.0, ("b", 3): 10.5}
    found = contest(seen, ["none", "a", "b"], more_is_better=True)
    assert found.best.sum() == pytest.approx(1)
    assert found.size("b").half > 0.5


def test_changes_that_are_equal_without_chance_share_the_probability() -> None:
    seen = {**{("none", seed): 0.0 for seed in range(4)}, **{("a", seed): 1.0 for seed in (0, 1)}}
    seen |= {("b", seed): 1.0 for seed in (2, 3)}
    assert contest(seen, ["none", "a", "b"], more_is_better=True).best.tolist() == [0, 0.5, 0.5]


def test_one_seed_that_two_changes_share_does_not_make_them_one() -> None:
    seen = {
        ("none", 1): 0.0,
        ("none", 2): 0.0,
        ("none", 3): 0.3,
        ("a", 1): 1.0,
        ("a", 2): 9.0,
        ("b", 1): 1.0,
        ("b", 3): 5.0,
    }
    found = contest(seen, ["none", "a", "b"], more_is_better=True)
    assert found.mean[1] != found.mean[2]


def test_the_variance_of_one_change_is_not_that_of_another() -> None:
    """Of a change that varies ten times as much the interval is much wider."""
    rng = np.random.default_rng(2)
    names = [*NAMES, *"defgh"]
    figures = rng.normal(size=(len(names), 8)) * np.array([[1.0 if name == "a" else 0.1] for name in names])
    found = contest(table(names, figures), names, more_is_better=True)
    assert found.size("a").half > 3 * found.size("b").half
    assert found.size("c", "b").half < 0.2
