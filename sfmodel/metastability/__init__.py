"""Metastability: which trigger, at which load, a platform recovers from, at constant demand, and which it does not.

The terms are those of Huang et al., Metastable Failures in the Wild (OSDI 2022). At a load the platform is *stable* if it
recovers from every trigger that was tried, *vulnerable* if there are some after which it stays down although they are over,
which is the *metastable* state, and *overloaded* if it is down without any.
"""

from sfmodel.metastability.cells import Cell, Job
from sfmodel.metastability.dataset import Known, map_dataset
from sfmodel.metastability.design import MapDesign, design_of
from sfmodel.metastability.recovery import Outcome, State

__all__ = ["Cell", "Job", "Known", "MapDesign", "Outcome", "State", "design_of", "map_dataset"]
