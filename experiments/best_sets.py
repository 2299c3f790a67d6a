"""The best set of interventions, and their settings, under a budget: a search by Optuna, several objectives at once.

    pip install -e '.[calibrate]'
    python experiments/best_sets.py --within 50min
    python experiments/best_sets.py --within 50min --budget llm_spending=900 --budget lesser_answers=0.3

Each trial switches some of the seven on at 19:30, each with one of three values of its main setting, in a world that all share
until then, and is measured from 20:15 to 21:00 on two seeds. It has as many objectives as StreamFlow has costs, and its first
aim; trials over a budget are infeasible (TPE with constraints: Watanabe and Hutter, 2023). No intervention, each alone and all
seven come first. Everything is kept in the folder; the same command goes on with it, and what other words or other code have
found there is another study. The best of many trials owes something to luck: the best few are run again at the end, on seeds
that the search has not seen, and by these figures one is named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.aims import Aim, aims_of
from sfmodel.cli.compose import composed
from sfmodel.errors import RunError
from sfmodel.provenance import sources_hash
from sfmodel.results.folder import SUMMARY, is_finished
from sfmodel.results.summary import format_value
from sfmodel.rows.files import named_files
from sfmodel.schema.quantities import to_duration_s
from sfmodel.sweeps.record import fingerprint

if TYPE_CHECKING:
    import optuna

BASE = ("start=19:30", "until=21:00", "switch_on=19:30", "forks=['19:30']", "trace.one_in=0")
SEEDS = (1, 2)
FRESH = (3, 4, 5, 6)
"""Seeds on which the best are run again."""
AGAIN = 5
"""Sets that are run again."""
SPACE: dict[str, tuple[str, tuple[str, ...]]] = {
    "gateway_queue": ("limit", ("300", "600", "1000")),
    "llm_timeout": ("timeout", ("1 s", "2 s", "4 s")),
    "breakers": ("failure_rate", ("25 %", "50 %", "75 %")),
    "gradual_invalidation": ("over", ("10 min", "30 min", "60 min")),
    "profile_replicas": ("count", ("1", "2", "4")),
    "vector_cache": ("ttl", ("1 min", "5 min", "15 min")),
    "priorities": ("background_rate", ("30/min", "60/min", "120/min")),
}
"""Intervention → its main setting, and values of it; the second is that of its file."""
OFF = "off"

Evaluate = Callable[[Sequence[str], Sequence[int]], Mapping[str, float]]
"""Takes words of a run, and seeds, and returns its figures, means over the seeds."""
Confirmed = list[tuple[dict[str, str], Mapping[str, float]]]
"""Sets that were run again, with their figures on fresh seeds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--within", default="50min", help="no trial begins later (default: 50min)")
    parser.add_argument("--budget", action="append", default=[], help="cost=most, such as llm_spending=900")
    parser.add_argument("--folder", type=Path, default=Path("runs/best-sets"), help="where trials go")
    parser.add_argument("words", nargs="*", help="keys of all runs, such as demand.level=1.03")
    asked = parser.parse_args(arguments)
    import optuna

    aims = [aim for k, aim in enumerate(aims_of("streamflow").aims) if k == 0 or aim.cost]
    budget = {key: float(most) for key, _, most in (text.partition("=") for text in asked.budget)}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    asked.folder.mkdir(parents=True, exist_ok=True)
    journal = optuna.storages.journal.JournalFileBackend(str(asked.folder / "trials.journal"))
    study = made_study(aims, budget, optuna.storages.JournalStorage(journal), _name(asked.words, budget))
    until = time.monotonic() + to_duration_s(asked.within)
    runs = Runs(asked.folder, asked.words)
    search(study, aims, budget, runs, lambda: time.monotonic() >= until)
    print("\n".join(said(study, aims, budget, confirmed(study, aims, budget, runs))))
    return 0


def made_study(
    aims: Sequence[Aim], budget: Mapping[str, float], storage: Any = None, name: str = "best-sets"
) -> optuna.Study:
    """Open the study; a new one begins with none, each alone, and all."""
    import optuna

    costs = [aim.id for aim in aims[1:]]
    for key in budget:
        if key not in costs:
            raise SystemExit(f"--budget: there is no cost '{key}'; there are {', '.join(costs)}")

    sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=12, multivariate=True)
    directions = ["maximize" if aim.better == "more" else "minimize" for aim in aims]
    study = optuna.create_study(
        study_name=name, storage=storage, sampler=sampler, directions=directions, load_if_exists=True
    )
    if not study.trials:
        every = {name: values[1] for name, (_, values) in SPACE.items()}
        off = dict.fromkeys(SPACE, OFF)
        for chosen in (off, *({**off, name: value} for name, value in every.items()), every):
            study.enqueue_trial(chosen)
    return study


def search(
    study: optuna.Study, aims: Sequence[Aim], budget: Mapping[str, float], evaluate: Evaluate,
    time_is_up: Callable[[], bool],
) -> None:  # fmt: skip
    """Run trial after trial until time is up; one that fails is said, and the search goes on."""
    from optuna.trial import TrialState

    while not time_is_up():
        trial = study.ask()
        chosen = {name: trial.suggest_categorical(name, [OFF, *values]) for name, (_, values) in SPACE.items()}
        try:
            figures = evaluate(words_of(chosen), SEEDS)
        except RunError as error:
            study.tell(trial, state=TrialState.FAIL)
            print(f"trial {trial.number}: {titled(chosen)}: failed: {error}", flush=True)
            continue
        for aim in aims:
            trial.set_user_attr(aim.id, figures[aim.id])
        for key, most in budget.items():
            trial.set_constraint(key, figures[key] - most)
        study.tell(trial, [figures[aim.id] for aim in aims])
        shown = ", ".join(format_value(figures[aim.id], aim.unit) for aim in aims)
        print(f"trial {trial.number}: {titled(chosen)}: {shown}", flush=True)


def words_of(chosen: Mapping[str, str]) -> list[str]:
    """Words of a run with what is chosen of each intervention."""
    on = [name for name in SPACE if chosen[name] != OFF]
    settings = [f"intervention.{name}.{SPACE[name][0]}={chosen[name]}" for name in on]
    return [f"intervention=[{','.join(on)}]", *settings]


def titled(chosen: Mapping[str, str]) -> str:
    """The same for people."""
    on = [f"{name} ({SPACE[name][0]} {chosen[name]})" for name in SPACE if chosen[name] != OFF]
    return " + ".join(on) or "none"


def confirmed(
    study: optuna.Study, aims: Sequence[Aim], budget: Mapping[str, float], evaluate: Evaluate
) -> Confirmed:  # fmt: skip
    """Run the best few of the front that are within the budget again, on fresh seeds; those that fail are left out."""
    sign = 1 if aims[0].better == "more" else -1
    within = [trial for trial in study.best_trials if _is_within(trial.user_attrs, budget)]
    best = {titled(trial.params): trial for trial in sorted(within, key=lambda trial: -sign * trial.values[0])}
    found: Confirmed = []
    for title, trial in list(best.items())[:AGAIN]:
        try:
            found.append((trial.params, evaluate(words_of(trial.params), FRESH)))
        except RunError as error:
            print(f"{title}, again: failed: {error}", flush=True)
    return found


def _is_within(figures: Mapping[str, float], budget: Mapping[str, float]) -> bool:
    return all(figures[key] <= most for key, most in budget.items())


def said(
    study: optuna.Study, aims: Sequence[Aim], budget: Mapping[str, float], again: Confirmed
) -> list[str]:  # fmt: skip
    """The front as it was searched, the best few on fresh seeds, as Markdown tables, and the best within the budget."""
    goal = aims[0]
    sign = 1 if goal.better == "more" else -1
    trials = [trial for trial in study.trials if trial.values]
    front = {titled(trial.params): trial for trial in study.best_trials}
    lines = [
        f"{len(trials)} trials; of these {len(front)} are beaten by none in {goal.title.lower()} and in every cost.",
        "",
        *_table(aims, {title: trial.values for title, trial in front.items()}),
    ]
    if not again:
        return [*lines, "", "No trial of the front is within the budget."]
    values = {titled(chosen): [figures[aim.id] for aim in aims] for chosen, figures in again}
    lines += ["", f"The best, on seeds {', '.join(map(str, FRESH))}, which the search has not seen:", ""]
    lines += _table(aims, values)
    within = [(chosen, figures) for chosen, figures in again if _is_within(figures, budget)]
    if not within:
        return [*lines, "", "On these seeds none is within the budget."]
    best, _ = max(within, key=lambda one: sign * one[1][goal.id])
    limits = " and ".join(f"{key} at most {most:g}" for key, most in budget.items())
    words = " ".join(f"'{word}'" for word in words_of(best))
    return [*lines, "", f"Best{' with ' + limits if limits else ''}: sfmodel run {words}"]


def _table(aims: Sequence[Aim], values: Mapping[str, Sequence[float]]) -> list[str]:
    """A line for each set, the best in the first aim first."""
    sign = 1 if aims[0].better == "more" else -1
    lines = ["| set | " + " | ".join(aim.title for aim in aims) + " |", "|---|" + "--:|" * len(aims)]
    for title, own in sorted(values.items(), key=lambda one: -sign * one[1][0]):
        cells = (format_value(value, aim.unit) for value, aim in zip(own, aims, strict=True))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def _name(words: Sequence[str], budget: Mapping[str, float]) -> str:
    """Name of the study with these words and this budget, by which its trials are feasible or not."""
    limits = [f"{key}={most:g}" for key, most in sorted(budget.items())]
    return f"best-sets-{_digest([*words, *limits], composed([*BASE, *words]))}"


def _digest(words: Sequence[str], config: Mapping[str, Any]) -> str:
    """Name of what these words make: with the code, the configuration and the interventions of now."""
    files = [path.read_text(encoding="utf-8") for name, path in named_files("intervention").items() if name in SPACE]
    made = json.dumps([*words, sources_hash(), fingerprint(config), *files])
    return hashlib.blake2b(made.encode(), digest_size=6).hexdigest()


class Runs:
    """Evaluates sets on StreamFlow; what is finished in the folder is not run again."""

    def __init__(self, folder: Path, words: Sequence[str]) -> None:
        """Run nothing yet."""
        self._folder, self._words = folder, words

    def __call__(self, words: Sequence[str], seeds: Sequence[int]) -> dict[str, float]:
        """Mean over the seeds of each figure at peak."""
        from sfmodel.replications.processes import Processes

        every = [*BASE, *self._words, *words]
        config = composed(every)
        name = _digest(every, config)
        wanted = {seed: {"name": f"{name}-{seed}", "seed": seed} for seed in seeds}
        missing = {seed: one for seed, one in wanted.items() if not is_finished(self._folder / str(one["name"]))}
        if missing:
            mappings = {seed: {**config, **one} for seed, one in missing.items()}
            silent = {seed: lambda share, state: None for seed in missing}
            with Processes(len(SEEDS), lambda line, of: None) as processes:
                for seed, reason in processes.make(mappings, self._folder, silent):
                    if reason:
                        raise RunError(f"seed {seed} with {' '.join(words)}: {reason}")
        paths = [self._folder / str(one["name"]) / SUMMARY for one in wanted.values()]
        found = [json.loads(path.read_text(encoding="utf-8"))["peak"] for path in paths]
        return {
            key: sum(one[key]["value"] for one in found) / len(found)
            for key in found[0]
            if all(isinstance(one.get(key, {}).get("value"), int | float) for one in found)
        }


if __name__ == "__main__":
    sys.exit(main())
