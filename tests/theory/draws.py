"""Many draws of one kernel at a time, in compiled loops of the tests' own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfkernels.durations import draw
from sfkernels.jit import entry
from sfkernels.keys import draw_item, zipf_constants
from sfkernels.random import mix, uniform
from sfkernels.records import POPULATION
from sfmodel.plan.durations import Durations
from sfmodel.schema.run import Run

KEY = np.uint64(20_14)


@entry
def _durations(durations, values, key, found):
    for k in range(len(found)):
        found[k] = draw(durations, values, 0, mix(key, np.uint64(k)), np.uint64(7))


@entry
def _items(population, key, found):
    for k in range(len(found)):
        found[k] = draw_item(population, mix(key, np.uint64(k)))


@entry
def _uniforms(key, found):
    for k in range(len(found)):
        found[k] = uniform(key, np.uint64(k))


def distribution(time: object) -> Durations:
    """Records of a distribution that is written as in a platform file."""
    step = {"sleep": time}
    run = Run.model_validate({"platform": {"name": "d", "services": {"s": {"endpoints": {"e": {"steps": [step]}}}}}})
    durations = Durations()
    durations.add(run.platform.services["s"].endpoints["e"].steps[0].sleep, "sleep")
    return durations


def durations(time: object, count: int) -> NDArray[np.float64]:
    """Draws of a duration, s."""
    found = np.zeros(count)
    with np.errstate(over="ignore"):
        _durations(*distribution(time).arrays(), KEY, found)
    return found


def items(n: int, exponent: float, count: int) -> NDArray[np.int64]:
    """Draws of items by popularity."""
    population = np.zeros(1, POPULATION)
    population["items"], population["zipf"] = n, exponent
    constants = zipf_constants(float(n), exponent)
    population["zipf_total"], population["zipf_first"], population["zipf_shift"] = constants
    found = np.zeros(count, np.int64)
    with np.errstate(over="ignore"):
        _items(population, KEY, found)
    return found


def uniforms(count: int) -> NDArray[np.float64]:
    """Draws of one key, numbered."""
    found = np.zeros(count)
    with np.errstate(over="ignore"):
        _uniforms(KEY, found)
    return found
