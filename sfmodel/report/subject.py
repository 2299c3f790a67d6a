"""What a report is about: a run, or a sweep, with what several sections ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis import Cascade, cascades
from sfmodel.diagnosis.scene import Scene
from sfmodel.figures.evening import Evening, evening_of, title_of
from sfmodel.report.parts import Missing
from sfmodel.results import measures
from sfmodel.results.folder import INCOMPLETE, open_run
from sfmodel.results.intervals import Interval, interval
from sfmodel.results.replications import folder_of, replication
from sfmodel.results.summary import PERIODS, period_windows

if TYPE_CHECKING:
    import xarray as xr

    from sfmodel.sweeps import Sweep
    from sfmodel.sweeps.observations import Observations

POINTS = 600
"""Windows of a chart, at most: enough to look closer, and few enough to be drawn at once."""


@dataclass(frozen=True)
class RunSubject:
    """A run."""

    folder: Path
    whole: xr.Dataset
    """Its dataset, with all replications."""
    ds: xr.Dataset
    """Of one replication: diagnosis is of one run."""
    root: Path
    """Folder of all runs, in which a pair is looked for."""
    is_incomplete: bool = False
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def opened(cls, folder: Path, root: Path, seed: int | None = None) -> RunSubject:
        """Open a run, also one that was interrupted if its dataset can be read.

        Raises
        ------
        RunError
            It cannot be read.
        ConfigError
            It has no replication with this seed.
        """
        is_incomplete = (folder / INCOMPLETE).exists()
        whole = open_run(folder, allow_incomplete=is_incomplete)
        return cls(folder, whole, replication(whole, seed), root, is_incomplete)

    @property
    def title(self) -> str:
        """What it is called."""
        return f"{title_of(self.ds)}: {self.folder.name}"

    @property
    def traced(self) -> Path:
        """Folder in which the traces of the one replication are."""
        return folder_of(self.folder, self.whole, int(self.ds.attrs.get("seed", 0)))

    @property
    def notices(self) -> list[str]:
        """What a reader must know before all else."""
        found = []
        if self.is_incomplete:
            reason = (self.folder / INCOMPLETE).read_text(encoding="utf-8").splitlines() or ["Nobody knows why."]
            found.append(f"This run is incomplete, and shown as far as it was written: {reason[0]}")
        if self.whole is not self.ds:
            found.append(
                f"The run has several replications: the table and the curves are means over their seeds, the other sections "
                f"are of seed {self.ds.attrs.get('seed')}."
            )
        return found

    def needs(self, *names: str) -> None:
        """Refuse a section whose variables the run does not have, or that has no windows.

        Raises
        ------
        Missing
            Says so.
        """
        if not self.ds.sizes.get("time"):
            raise Missing("The run has no windows, so there is nothing to show; run it for longer than one window.")
        lacking = [name for name in names if name not in self.ds]
        if lacking:
            raise Missing(lacks(lacking[0]))

    @cached_property
    def evening(self) -> Evening:
        """The run in windows that are wide enough to be drawn."""
        return evening_of(self.whole, POINTS)

    @cached_property
    def one_evening(self) -> Evening:
        """The same of the one replication."""
        return self.evening if self.whole is self.ds else evening_of(self.ds, POINTS)

    @cached_property
    def scene(self) -> Scene:
        """The run under diagnosis."""
        return Scene(self.ds)

    @cached_property
    def cascades(self) -> list[Cascade]:
        """Who drags down whom.

        Raises
        ------
        NotInRunError
            The run is of a version that did not know causes.
        """
        return cascades(self.ds)

    @cached_property
    def period(self) -> tuple[str, NDArray[np.bool_]]:
        """The hours that matter: the peak, if the run has one, else all of it; their name, and their windows, shape [time]."""
        periods = period_windows(self.ds)
        name = "peak" if "peak" in periods else "whole"
        return PERIODS[name], periods[name]

    @property
    def facts(self) -> dict[str, str]:
        """What stands below the title."""
        attrs = self.ds.attrs
        seeds = self.whole["replication"].values.tolist() if self.whole is not self.ds else attrs.get("seed", "–")
        found = {
            "platform": attrs.get("title") or attrs.get("platform") or "–",
            "scenario": attrs.get("scenario") or "none",
            "interventions": ", ".join(attrs.get("interventions") or []) or "none",
            "measured": measures.covered(self.ds),
            "windows": f"{attrs.get('window_s', 0):g} s",
            "seed": seeds,
            "version": f"{attrs.get('version', '–')} (sources {attrs.get('sources', '–')})",
        }
        if attrs.get("population"):
            found["users"] = f"{attrs['population']:,}"
        return {name: str(value) for name, value in found.items()}


@dataclass(frozen=True)
class PointOfSweep:
    """The runs of a sweep that differ by their seed alone."""

    values: Mapping[str, str]
    """Label of each swept parameter but the seed."""
    seeds: list[int]
    """Of those that are finished."""
    figures: Mapping[str, Interval]
    """Mean of each figure that all of them show."""

    @property
    def title(self) -> str:
        """What it is called."""
        if list(self.values) == ["intervention"]:
            return self.values["intervention"]
        from sfmodel.sweeps.effects import short_keys

        short = short_keys(list(self.values))
        return ", ".join(f"{key}={label}" for key, label in zip(short, self.values.values(), strict=True)) or "all"


@dataclass(frozen=True)
class SweepSubject:
    """A sweep."""

    folder: Path
    sweep: Sweep
    observations: Observations
    """Of the runs that are finished."""
    failed: Mapping[str, str]
    """Why points failed, by their names, as far as it was recorded."""

    @classmethod
    def opened(cls, folder: Path, failed: Mapping[str, str]) -> SweepSubject:
        """Open a sweep, also one that is not finished.

        Raises
        ------
        RunError
            No run of it is finished, or its record cannot be read.
        """
        from sfmodel.sweeps import recorded_sweep
        from sfmodel.sweeps.observations import observe

        return cls(folder, recorded_sweep(folder), observe(folder), failed)

    @property
    def platform(self) -> str:
        """Name of the platform."""
        return str((self.sweep.config.get("platform") or {}).get("name"))

    @property
    def title(self) -> str:
        """What it is called."""
        title = (self.sweep.config.get("platform") or {}).get("title") or self.platform
        return f"{title}: {self.folder.name}"

    @property
    def notices(self) -> list[str]:
        """What a reader must know before all else."""
        missing = len(self.observations.missing)
        return [f"{missing} of {self.runs} runs are not finished, and are not in what follows."] if missing else []

    @property
    def runs(self) -> int:
        """How many runs it is to have."""
        return len(self.sweep.points)

    @cached_property
    def points(self) -> list[PointOfSweep]:
        """Its points, over seeds, in the order in which they were planned."""
        found = []
        for values in dict.fromkeys(tuple(one.items()) for one in self.observations.points):
            own = [one for one in self.observations.every if tuple(one.values.items()) == values]
            shown = {key: [one.figures[key] for one in own] for key in self.observations.figures}
            figures = {key: interval(every) for key, every in shown.items() if every and all(map(math.isfinite, every))}
            found.append(PointOfSweep(dict(values), sorted(one.seed for one in own), figures))
        return found

    @cached_property
    def keys(self) -> list[str]:
        """Figures that changes are judged by: the platform's aims, else the usual ones."""
        from sfmodel.sweeps.observations import judged_by

        return judged_by(self.platform, self.observations.figures)

    @property
    def facts(self) -> dict[str, str]:
        """What stands below the title."""
        swept = {key: ", ".join(labels) for key, labels in self.sweep.parameters.items()}
        return {
            "command": f"sfmodel run {' '.join(self.sweep.words)}",
            "runs": str(self.runs),
            **{key: label if len(label) <= 200 else f"{label[:199]}…" for key, label in swept.items()},
            "period": PERIODS[self.observations.period],
        }


Subject = RunSubject | SweepSubject


def lacks(name: str) -> str:
    """Says that a run does not have a variable."""
    from sfmodel.results.variables import VARIABLES

    what = f" ({VARIABLES[name].long_name[0].lower()}{VARIABLES[name].long_name[1:]})" if name in VARIABLES else ""
    return f"This run does not have {name}{what}: its platform has nothing of the kind, or an older version made it."
