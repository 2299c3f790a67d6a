"""Which interventions, in which order: tables and a figure of what experiments/interventions.py has put into its CSV file.

    python experiments/ranking.py        prints them, and writes experiments/interventions.md and docs/images/interventions.svg

Effects are beside no intervention, seed by seed. Of a condition (a scenario, a level of demand) each change has a variance
from seed to seed, in the model effect + seed + chance; they are alike, so that few seeds can say something. Half of the 95 %
interval stands behind ±, and what may be chance is in parentheses. Two changes change places where one is above the other in one
condition and below it in another, each by more than chance. Under the other sets of values there is one seed each: their effects
are a sample over sets. The order: by main effect over the sixteen sets on the first aim, where it is more than chance; then by
how much fewer recommendations fail in the storm in which it helps most; then the others.
"""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from sfmodel.aims import Aim, aims_of
from sfmodel.figures import save, source_of_file
from sfmodel.figures.style import BLACK, COLOURS, GREY, MARKERS, SMALL, new_figure
from sfmodel.results.comparison_table import signed_interval
from sfmodel.results.intervals import Interval, interval
from sfmodel.results.summary import format_value
from sfmodel.sweeps import factorial
from sfmodel.sweeps.decision_table import effort_and_undo
from sfmodel.sweeps.points import NONE
from sfmodel.sweeps.selection import Contest, contest

HERE = Path(__file__).parent
RECORD = HERE / "interventions.csv"
PAGE = HERE / "interventions.md"
FIGURE = HERE.parent / "docs/images/interventions.svg"
SEVEN = (
    "gateway_queue", "llm_timeout", "breakers", "gradual_invalidation", "profile_replicas", "vector_cache", "priorities",
)  # fmt: skip
ALL = "+".join(SEVEN)
CHANGES = (NONE, *SEVEN, ALL)
CONDITIONS = {
    "plain": ("evening", {"scenario": "none"}),
    "F1 at 21:00": ("evening", {"scenario": "f1_at_peak"}),
    "S1 at 21:00": ("evening", {"scenario": "s1_at_peak"}),
    "F4 at 20:30": ("collapse", {}),
    "demand 0.97": ("demand", {"demand": "0.97"}),
    "demand 1.00": ("demand", {"demand": "1"}),
    "demand 1.03": ("demand", {"demand": "1.03"}),
    "demand 1.10": ("demand", {"demand": "1.1"}),
}
"""Title → part, and which of its runs."""
STORMS = ("F1 at 21:00", "S1 at 21:00", "F4 at 20:30")
LEVELS = ("demand 0.97", "demand 1.00", "demand 1.03", "demand 1.10")
USUAL = "demand 1.00"

Line = Mapping[str, str]
Seen = dict[tuple[str, int], float]
"""(change, seed) → figure."""


def main() -> int:
    """Print the page, and write it and the figure."""
    with RECORD.open(newline="", encoding="utf-8") as file:
        lines = newest(list(csv.DictReader(file)))
    aims = aims_of("streamflow").aims
    page = "\n".join(_page(lines, aims))
    print(page)
    PAGE.write_text(page, encoding="utf-8")
    _draw(lines, aims)
    return 0


def _page(lines: Sequence[Line], aims: Sequence[Aim]) -> Iterator[str]:
    goal = aims[0]
    yield "# What each intervention does to the evening's peak\n"
    yield "Written by `python experiments/ranking.py` from `interventions.csv`, which has a line for each run.\n"
    yield from _code(lines)
    yield from _order(lines, aims)
    for title in ("plain", "F1 at 21:00", "S1 at 21:00", "F4 at 20:30"):
        yield from _effects(title, lines, aims)
    yield from _ranks(lines, goal)
    yield from _sets(lines, goal)
    yield from _factorial(lines, aims)
    yield from _front(lines, aims)


def _code(lines: Sequence[Line]) -> Iterator[str]:
    """A warning where runs were made by different code."""
    runs = Counter(line.get("sources", "") for line in lines)
    if len(runs) > 1:
        each = ", ".join(f"{sources or 'unknown'} made {count}" for sources, count in runs.most_common())
        yield f"**The runs are of different code**, and what differs between them may be its doing: {each}.\n"


def _order(lines: Sequence[Line], aims: Sequence[Aim]) -> Iterator[str]:
    """The seven in the order in which to make them, with what it rests on."""
    failures = next((aim for aim in aims if aim.id == "failures"), None)
    main = {effect.term.names[0][0]: effect for effect in _factorial_effects(lines, aims[0]) if effect.term.is_main}
    fewer = {title: _contest(chosen, failures) for title in STORMS if failures and (chosen := _of(lines, title))}
    if not main:
        return

    def place(change: str) -> tuple[bool, float, float]:
        effect = main[change]
        storms = [size.mean for found in fewer.values() if (size := found.size(change)).is_found]
        gain = effect.size.mean if effect.is_found else 0.0
        return gain <= 0, -gain, min([0.0, *storms])

    yield "## In which order\n"
    yield (
        f"{aims[0].title}: main effect over the sixteen sets. In the storms: how many more recommendations fail. "
        "By the first where it is more than chance, then by the storm in which it helps most.\n"
    )
    yield from _table(
        ["", "", aims[0].title, *(f"fail, {title}" for title in fewer), "effort", "undone in"],
        [
            [
                f"{number}.", _name(change), _signed(main[change].size, aims[0]),
                *(_cell(found, change, failures) for found in fewer.values() if failures), *effort_and_undo(change),
            ]
            for number, change in enumerate(sorted(SEVEN, key=place), 1)
        ],
    )  # fmt: skip


def _effects(title: str, lines: Sequence[Line], aims: Sequence[Aim]) -> Iterator[str]:
    """A line for each change, a column for each aim."""
    chosen = _of(lines, title)
    if not chosen:
        return
    contests = {aim.id: _contest(chosen, aim) for aim in aims}
    first = next(iter(contests.values()))
    seeds = sorted({int(line["seed"]) for line in chosen})
    yield f"## {title}\n"
    yield f"Seeds {', '.join(map(str, seeds))}. The first line is the mean without interventions; under it, effects.\n"
    yield from _table(
        ["", *(aim.title for aim in aims), "best with"],
        [
            [NONE, *(format_value(_mean(chosen, NONE, aim), aim.unit) for aim in aims), _probability(first, NONE)],
            *(
                [_name(change), *(_cell(contests[aim.id], change, aim) for aim in aims), _probability(first, change)]
                for change in _best_first(first)
                if change != NONE
            ),
        ],
    )


def _ranks(lines: Sequence[Line], goal: Aim) -> Iterator[str]:
    """Ranks by the first aim at each level of demand, and who changes places."""
    by_level = {title: _contest(chosen, goal) for title in LEVELS if (chosen := _of(lines, title))}
    if len(by_level) < 2 or USUAL not in by_level:
        return
    yield "## Levels of demand\n"
    yield f"Effect on {goal.title.lower()}, and the rank by it.\n"
    order = _best_first(by_level[USUAL])
    yield from _table(
        ["", *by_level],
        [
            [_name(change), *(f"{_rank(found, change)}: {_cell(found, change, goal)}" for found in by_level.values())]
            for change in order
            if change != NONE
        ],
    )
    said = []
    for title, found in by_level.items():
        if title != USUAL:
            turned = [f"{_name(a)} and {_name(b)}" for a, b in _turned(by_level[USUAL], found, goal)]
            said.append(f"{title}: {', '.join(turned) or 'none'}.")
    seeds = sorted({line["seed"] for title in by_level for line in _of(lines, title)})
    if len(seeds) < 2:
        yield f"Seed {seeds[0]} alone, so that nothing is known of chance: who seems to change places may not.\n"
        return
    yield f"Who changes places with {USUAL}, by more than chance: " + " ".join(said) + "\n"


def _sets(lines: Sequence[Line], goal: Aim) -> Iterator[str]:
    """Effects and ranks under other sets of values."""
    names = sorted({line["set"] for line in lines if line["part"] == "sets"})
    if not names:
        return
    effects = {
        name: _contest([line for line in lines if line["part"] == "sets" and line["set"] == name], goal)
        for name in names
    }
    yield "## Other sets of values\n"
    yield f"Effect on {goal.title.lower()} under each set, one seed; mean and interval over the sets.\n"
    rows = []
    for change in CHANGES[1:]:
        found = [
            effects[name].mean[effects[name].names.index(change)] for name in names if change in effects[name].names
        ]
        over = interval(found)
        each = [f"{100 * value:+.1f}" for value in found]
        rows.append((over.mean, [_name(change), *each, _signed(over, goal)]))
    yield from _table(["", *names, "mean"], [row for _, row in sorted(rows, key=lambda one: -one[0])])


def _factorial(lines: Sequence[Line], aims: Sequence[Aim]) -> Iterator[str]:
    """Main effects over all sixteen sets, and the interactions that are found."""
    effects = {aim.id: _factorial_effects(lines, aim) for aim in aims}
    first = effects[aims[0].id]
    if not first:
        return
    yield "## Sixteen sets, resolution IV\n"
    yield (
        f"Mean with the intervention less the mean without it, over all sets; {first[0].size.n} seeds. "
        "Interactions that are found on the first aim stand below; joined by = are those that the design does not tell apart.\n"
    )
    order = sorted(range(len(first)), key=lambda k: (not first[k].term.is_main, -first[k].size.mean))
    yield from _table(
        ["", *(aim.title for aim in aims)],
        [
            [first[k].term.written, *(_signed(effects[aim.id][k].size, aim) for aim in aims)]
            for k in order
            if first[k].term.is_main or first[k].is_found
        ],
    )


def _factorial_effects(lines: Iterable[Line], aim: Aim) -> list[factorial.Effect]:
    """Main effects and interactions of the factorial's runs, of the seeds that all sets have."""
    value = {(line["intervention"], line["seed"]): _figure(line, aim) for line in lines if line["part"] == "factorial"}
    sets = list(dict.fromkeys(one for one, _ in value))
    seeds = [seed for seed in sorted({seed for _, seed in value}) if all((one, seed) in value for one in sets)]
    if not seeds:
        return []
    levels = np.array([[1.0 if name in one.split("+") else -1.0 for name in SEVEN] for one in sets])
    return list(factorial.effects(SEVEN, levels, np.array([[value[one, seed] for seed in seeds] for one in sets])))


def _front(lines: Sequence[Line], aims: Sequence[Aim]) -> Iterator[str]:
    """Sets of interventions that no other beats in the first aim and in every cost."""
    goal, costs = aims[0], [aim for aim in aims if aim.cost]
    points = _points(lines, [goal, *costs])
    if len(points) < 3:
        return
    yield "## What it costs: sets that no other beats in the first aim and in all costs\n"
    yield (
        "Differences to the same evening without interventions, plain, means over seeds; what may be chance is 0, so that what "
        "costs or adds too little for two seeds is not seen. Single interventions are of the evening to 22:00, sets of several "
        "of that to 21:30, each beside the evenings without interventions of its own part.\n"
    )
    best = sorted(_not_beaten(points, [goal, *costs]), key=lambda name: -points[name][goal.id])
    yield from _table(
        ["", goal.title, *(aim.title for aim in costs)],
        [
            [_name(name), *(_signed(Interval(points[name][aim.id], math.nan, 1), aim) for aim in [goal, *costs])]
            for name in best
        ],
    )


# Of runs


def newest(lines: Iterable[Line]) -> list[Line]:
    """The runs as their parts have them, without other words; of a run that was made by different code the newest line."""
    by_run: dict[tuple[str, ...], Line] = {}
    for line in lines:
        if not line.get("words"):
            by_run[tuple(line[key] for key in ("part", "scenario", "demand", "set", "intervention", "seed"))] = line
    return list(by_run.values())


def _of(lines: Iterable[Line], title: str) -> list[Line]:
    """The runs of a condition."""
    part, where = CONDITIONS[title]
    return [
        line for line in lines if line["part"] == part and all(line[key] == wanted for key, wanted in where.items())
    ]


def _figure(line: Line, aim: Aim) -> float:
    return float(line.get(aim.id) or math.nan)


def _seen(chosen: Iterable[Line], aim: Aim) -> Seen:
    return {(line["intervention"], int(line["seed"])): _figure(line, aim) for line in chosen}


def _contest(chosen: Iterable[Line], aim: Aim, changes: Sequence[str] = CHANGES) -> Contest:
    seen = {key: value for key, value in _seen(chosen, aim).items() if math.isfinite(value)}
    names = [change for change in changes if any(change == name for name, _ in seen)]
    return contest(seen, names, more_is_better=aim.better == "more")


def _mean(chosen: Iterable[Line], change: str, aim: Aim) -> float:
    return float(np.mean([_figure(line, aim) for line in chosen if line["intervention"] == change]))


def _best_first(found: Contest) -> list[str]:
    return [name for _, name in sorted(zip(-found.mean, found.names, strict=True))]


def _rank(found: Contest, change: str) -> int:
    return [name for name in _best_first(found) if name != NONE].index(change) + 1


def _turned(one: Contest, other: Contest, goal: Aim) -> Iterator[tuple[str, str]]:
    """Pairs of which one is better in one condition and the other in the other, each by more than chance."""
    both = [name for name in one.names if name in other.names and name != NONE]
    for a, b in combinations(both, 2):
        signs = []
        for found in (one, other):
            apart = found.size(a, b)
            signs.append(math.copysign(1, apart.mean) if apart.is_found else 0)
        if signs[0] * signs[1] < 0:
            yield (a, b) if signs[0] > 0 else (b, a)


def _points(lines: Iterable[Line], aims: Sequence[Aim]) -> dict[str, dict[str, float]]:
    """Set of interventions → what it adds to the figures of a plain evening; what may be chance counts as none.

    The parts measure other hours, so each set is beside the evenings without interventions of its part.
    """
    points: dict[str, dict[str, float]] = {}
    for part in ("evening", "factorial"):
        chosen = [line for line in lines if (line["part"], line["scenario"]) == (part, "none")]
        sets = sorted({line["intervention"] for line in chosen}, key=lambda name: (name != NONE, name))
        if NONE in sets:
            by_aim = {aim.id: _contest(chosen, aim, sets) for aim in aims}
            points |= {name: {key: _beyond_chance(found, name) for key, found in by_aim.items()} for name in sets}
    nothing = points.get(NONE)
    return {name: point for name, point in points.items() if name == NONE or point != nothing}


def _beyond_chance(found: Contest, change: str) -> float:
    size = found.size(change)
    return 0.0 if size.is_found is False else size.mean


def _not_beaten(points: Mapping[str, Mapping[str, float]], aims: Sequence[Aim]) -> list[str]:
    """Names of the points that no other beats or equals in everything and beats in something."""
    sign = {aim.id: 1.0 if aim.better == "more" else -1.0 for aim in aims}
    values = {name: np.array([sign[key] * point[key] for key in sign]) for name, point in points.items()}
    return [
        name for name, own in values.items()
        if not any(bool((other >= own).all() and (other > own).any()) for other in values.values())
    ]  # fmt: skip


# On the page


def _name(change: str) -> str:
    return "all seven" if change == ALL else change.replace("+", " + ")


def _probability(found: Contest, change: str) -> str:
    best = found.best[found.names.index(change)]
    return "–" if math.isnan(best) else format_value(float(best), "share")


def _cell(found: Contest, change: str, aim: Aim) -> str:
    return _signed(found.size(change), aim)


def _signed(size: Interval, aim: Aim) -> str:
    text = "0" if size.mean == 0 and not size.half > 0 else signed_interval(size, aim.unit)
    return f"({text})" if size.is_found is False and size.mean != 0 else text


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|---|" + "--:|" * (len(heads) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _draw(lines: Sequence[Line], aims: Sequence[Aim]) -> None:
    """Effects on the first aim in every condition, and what each set costs beside what it brings."""
    goal, cost = aims[0], next(aim for aim in aims if aim.cost)
    shown = {title: _contest(chosen, goal) for title in CONDITIONS if (chosen := _of(lines, title))}
    order = [name for name in _best_first(shown["plain"]) if name != NONE]
    page = new_figure(
        9.5, 4.6, "What each intervention does to StreamFlow's peak", f"{goal.title}; bars: 95 % intervals"
    )
    left = page.add_axes((0.16, 0.12, 0.42, 0.70))
    left.axvline(0, color=GREY, linewidth=0.8)
    for number, (title, found) in enumerate(shown.items()):
        shift = 0.7 * (number / max(1, len(shown) - 1) - 0.5) if len(shown) > 1 else 0.0
        sizes = [found.size(name) for name in order if name in found.names]
        left.errorbar(
            [100 * size.mean for size in sizes],
            [order.index(name) + shift for name in order if name in found.names],
            xerr=[0.0 if math.isnan(size.half) else 100 * size.half for size in sizes],
            color=COLOURS[number % len(COLOURS)], marker=MARKERS[number % len(MARKERS)],
            markersize=3.5, linewidth=0.9, linestyle="", label=title,
        )  # fmt: skip
    left.set_yticks(range(len(order)), [_name(name) for name in order])
    left.set_ylim(len(order) - 0.5, -0.5)
    left.set_xlabel("effect, percentage points", fontsize=SMALL)
    left.legend(fontsize=SMALL, frameon=False, loc="lower right")
    right = page.add_axes((0.66, 0.12, 0.31, 0.70))
    points = _points(lines, [goal, cost])
    best = _not_beaten(points, [goal, cost])
    middle = np.mean(
        [min(point[cost.id] for point in points.values()), max(point[cost.id] for point in points.values())]
    )
    named: dict[tuple[float, float], list[str]] = {}
    for name, point in points.items():
        place = point[cost.id], 100 * point[goal.id]
        right.plot(*place, marker="o", markersize=4, color=COLOURS[1] if name in best else GREY)
        if name in best or "+" not in name:
            text = _name(name) if name.count("+") < 2 or name == ALL else f"{name.count('+') + 1} of the seven"
            named.setdefault(place, []).append(text)
    for place, texts in named.items():
        to_the_left = place[0] > middle
        right.annotate(
            ", ".join(texts), place, fontsize=5.5, color=BLACK, textcoords="offset points",
            xytext=(-4 if to_the_left else 4, 3), horizontalalignment="right" if to_the_left else "left",
        )  # fmt: skip
    right.set_xlabel(f"{cost.title}, added, {cost.unit}", fontsize=SMALL)
    right.set_title("its cost, plain; red: beaten by none in both", fontsize=SMALL, loc="left")
    right.set_ylabel(f"{goal.title}, added, percentage points", fontsize=SMALL)
    for axes in (left, right):
        axes.tick_params(labelsize=SMALL, length=2.5)
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    save(page, FIGURE, source_of_file(RECORD))


if __name__ == "__main__":
    sys.exit(main())
