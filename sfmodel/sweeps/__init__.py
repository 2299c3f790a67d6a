"""Sweeps: their points, what is recorded of them, and all of their runs as one dataset.

sweep.json ── points of the sweep, planned before the first runs
NAME/      ── run of a point, there when it is finished
failed/    ── error of a point, where it failed
"""

from sfmodel.sweeps.points import Point, point_of
from sfmodel.sweeps.record import Sweep, find_sweep, finished_runs_of, read_sweep, recorded_sweep

__all__ = ["Point", "Sweep", "find_sweep", "finished_runs_of", "point_of", "read_sweep", "recorded_sweep"]
