"""What the experiment on interventions has, and what it lacks."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

from interventions import PARTS, RUN, lacking, other_words, together


def line(part: str, seed: int, words: str = "", sources: str = "now") -> dict[str, str]:
    values = (part, "none", "1", "baseline", f"set {seed}", str(seed))
    return {**dict(zip(RUN, values, strict=True)), "until": "23:00", "words": words, "sources": sources}


def test_a_part_is_there_when_all_of_its_runs_are() -> None:
    whole = [line("factorial", seed) for seed in range(PARTS["factorial"].runs)]
    assert "factorial" not in lacking(whole)
    assert "factorial" in lacking(whole[1:])
    assert "factorial" in lacking([*whole[1:], line("factorial", 0, "until=19:40")])
    assert "factorial" in lacking([*whole[1:], {**whole[1], "sources": "before"}])  # the same run by other code


def test_other_words_and_other_code_do_not_write_over_a_run() -> None:
    before = [line("evening", 1)]
    others = [line("evening", 1, words="until=19:40"), line("evening", 1, sources="later")]
    assert together(before, others) == [*before, *others]
    assert together(before, [{**before[0], "x": "2"}]) == [{**before[0], "x": "2"}]


def test_words_on_where_runs_are_made_are_no_other_words() -> None:
    assert other_words(["hydra/launcher=slurm", "hydra.launcher.mem_gb=5", "seed=3"]) == ""
    assert other_words(["until=19:40", "demand.level=1.2"]) == "until=19:40 demand.level=1.2"
