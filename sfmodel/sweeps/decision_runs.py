"""The runs of a decision, made until its deadline; each is kept under its change and its seed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sfmodel.errors import ConfigError, RunError
from sfmodel.provenance import provenance
from sfmodel.replications.until import made_until
from sfmodel.results.configurations import in_words
from sfmodel.results.folder import MANIFEST, SUMMARY, is_finished, is_made_of, open_run
from sfmodel.running import checked
from sfmodel.sweeps.deciding import Job
from sfmodel.sweeps.record import differences

Configured = Callable[[str, bool], dict[str, Any]]
"""Takes a change, and whether it is tried in the storm."""


class DecisionRuns:
    """Makes runs in processes of their own until time is up; what is finished in the folder is not made again.

    Parameters
    ----------
    configured
        Configuration of a change, in the storm or not.
    folder
        Where runs are kept.
    figure
        What is read of each, a key of its summary.
    processes
        Runs at a time; none: as many as there are cores and memory for.
    deadline
        By the monotonic clock, s.
    """

    def __init__(
        self, configured: Configured, folder: Path, figure: str, processes: int | None, deadline: float
    ) -> None:
        """Make nothing yet."""
        self._configured, self._folder, self._figure = configured, folder, figure
        self._processes, self._deadline = processes, deadline

    def time_is_up(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self._deadline

    def check_folder(self, changes: Collection[str]) -> None:
        """Refuse a folder with finished runs of these changes that are not what they would be now.

        Raises
        ------
        ConfigError
            With the difference.
        """
        for folder in sorted(path.parent for path in self._folder.glob(f"*/{MANIFEST}")):
            job = Job.named(folder.name)
            if job is not None and job.change in changes and is_finished(folder):
                self._check_same(folder, job)

    def _check_same(self, folder: Path, job: Job) -> None:
        written = dict(checked(self._mapping(job)).written)
        made_of = provenance(written)
        if is_made_of(folder, {"config": written, **made_of}):
            return
        before = open_run(folder).attrs
        different = in_words(differences(before["config"], before, written, made_of))
        raise ConfigError(
            f"--folder: {folder} is a run of another request, which this would be ranked with: {different}; "
            "give another folder, or the same words as then"
        )

    def make(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, float, str | None]]:
        """Make runs and yield each as it ends, until time is up."""
        waiting: dict[int, Job] = {}
        for job in jobs:
            if is_finished(self._folder / job.name):
                yield job, self._value(job), None
            else:
                waiting[len(waiting)] = job
        if not waiting:
            return
        mappings = {k: self._mapping(job) for k, job in waiting.items()}
        say = partial(print, flush=True)
        for k, reason in made_until(mappings, self._folder, self._processes, self._deadline, say):
            yield waiting[k], math.nan if reason else self._value(waiting[k]), reason

    def _mapping(self, job: Job) -> dict[str, Any]:
        return {**self._configured(job.change, job.storm), "name": job.name, "seed": job.seed}

    def _value(self, job: Job) -> float:
        path = self._folder / job.name / SUMMARY
        try:
            summary = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise RunError(f"{path} cannot be read; remove {path.parent}, and it is made again") from None
        entry = summary.get("peak" if "peak" in summary else "whole", {}).get(self._figure)
        if entry is None:
            raise ConfigError(f"--aim: the runs do not show '{self._figure}'; see {path}")
        return math.nan if entry["value"] is None else float(entry["value"])
