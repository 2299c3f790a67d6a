"""LLM answers of recorded lengths, as a choice on the command line."""

import pytest

from sfmodel.cli.compose import composed
from sfmodel.engine import prepare
from sfmodel.lint.durations import mean_s
from sfmodel.running import checked


def platform(sizes: str):
    return checked(composed([f"platform/streamflow/llm_sizes={sizes}"])).platform


def answer(sizes: str, model: str):
    return platform(sizes).services["llm"].endpoints[model].steps[3].time


@pytest.mark.parametrize("model", ["small", "medium", "large"])
def test_recorded_answers_have_the_mean_of_the_assumed_ones(model):
    recorded, assumed = answer("azure", model), answer("assumed", model)
    assert recorded.kind == "empirical"
    assert mean_s(recorded) == pytest.approx(mean_s(assumed), rel=1e-3)


def test_nothing_but_the_three_models_differs():
    found, expected = (platform(sizes).model_dump() for sizes in ("azure", "assumed"))
    for model in ("small", "medium", "large"):
        steps = [one["services"]["llm"]["endpoints"][model].pop("steps") for one in (found, expected)]
        assert [len(part) for part in steps] == [5, 5]
        assert steps[0][:3] + steps[0][4:] == steps[1][:3] + steps[1][4:]
    assert found == expected


def test_the_recorded_lengths_are_in_the_plan():
    small = ["users=1000", "items=1000", "until='15:31'", "platform/streamflow/llm_sizes=azure"]
    assert len(prepare(checked(composed(small))).plan.arrays["values"]) == 3 * 19_366
