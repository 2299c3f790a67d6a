"""What runs say of claims: each over the seeds of runs that are alike but for their seed.

A claim passes where the 95 % interval of its mean lies in its range, fails where it lies outside, and is undecided where it lies
across an end of it. Of one seed its value decides, and that nothing is known of chance is said beside it.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sfmodel.claims.claims import Claim, Claims, is_about
from sfmodel.errors import ConfigError
from sfmodel.results import replications
from sfmodel.results.folder import open_run
from sfmodel.results.intervals import Interval, interval
from sfmodel.rows.measuring import Measured, measure_rows

if TYPE_CHECKING:
    import xarray as xr

Verdict = Literal["pass", "fail", "undecided"]


@dataclass(frozen=True)
class Checked:
    """A claim on the runs of a group."""

    claim: Claim
    group: str
    """Name of the runs, without their seeds."""
    seeds: Mapping[int, Measured]
    """What the run of each seed shows."""

    @property
    def values(self) -> list[float]:
        """Of the seeds that show it."""
        return [one.value for one in self.seeds.values() if one.value is not None]

    @property
    def interval(self) -> Interval | None:
        """The mean over seeds; none: no seed shows it."""
        return interval(self.values) if self.values else None

    @property
    def verdict(self) -> Verdict:
        """Whether the claim holds."""
        values, found = self.values, self.interval
        if found is None or len(values) < len(self.seeds):
            return "undecided"
        holding = [bool(self.claim.holds(value)) for value in values]
        if found.ends is None:
            return "pass" if all(holding) else "undecided" if any(holding) else "fail"
        low, high = found.ends
        if self.claim.holds(low) and self.claim.holds(high):
            return "pass"
        lowest, highest = self.claim.ends
        return "fail" if high < lowest or low > highest or low == high else "undecided"

    @property
    def because(self) -> str:
        """Why nothing can be said, or why little; empty: nothing to say."""
        lacking = next((one.lacks for one in self.seeds.values() if one.value is None and one.lacks), None)
        if lacking:
            return f"not shown: {lacking}"
        return "one seed: nothing is known of chance" if len(self.seeds) == 1 else ""


@dataclass(frozen=True)
class Given:
    """A run on which claims are checked."""

    group: str
    """What it is called in the table; of runs that differ by their seed alone the first counts."""
    folder: Path
    root: Path
    """Folder in which its pair is looked for."""


def check(claims: Claims, runs: Iterable[Given]) -> tuple[list[Checked], list[Claim]]:
    """Check claims on runs.

    Parameters
    ----------
    claims
        What `read_claims` returns.
    runs
        The runs.

    Returns
    -------
    Each claim on each group that it is made of, in the order of the claims, then of the groups; claims that are made of none.

    Raises
    ------
    RowError
        A claim names something that a run does not have.
    ConfigError
        Two runs of a group have the same seed.
    """
    found: dict[tuple[str, str], dict[int, Measured]] = {}
    groups: dict[str, str] = {}
    by_number = {row.id: claim for row, claim in zip(claims.rows.rows, claims.claims, strict=True)}
    for one in runs:
        alike = _but_for_its_seed(open_run(one.folder).attrs)
        groups.setdefault(alike, one.group)
        for number, seed, measured in _measured(claims, by_number, one):
            seeds = found.setdefault((number, alike), {})
            if seed in seeds:
                raise ConfigError(f"{one.group}: there are two runs of seed {seed}; give one of them")
            seeds[seed] = measured
    ordered = sorted(found, key=lambda key: int(key[0]))
    checked = [Checked(by_number[number], groups[alike], found[number, alike]) for number, alike in ordered]
    return checked, [claim for number, claim in by_number.items() if number not in {key[0] for key in found}]


def _but_for_its_seed(attributes: Mapping[Hashable, Any]) -> str:
    """What runs that differ by their seed alone have in common."""
    config = attributes.get("config")
    kept = {key: value for key, value in (config if isinstance(config, Mapping) else {}).items() if key not in _OF_EACH}
    return json.dumps([kept, attributes.get("sources")], sort_keys=True, default=str)


_OF_EACH = ("name", "seed", "replications", "processes", "trace", "tick", "forks", "worlds", "worlds_limit")
"""Keys that say which run of a group it is, and how it is made."""


def _measured(claims: Claims, by_number: Mapping[str, Claim], given: Given) -> Iterable[tuple[str, int, Measured]]:
    """Number of a claim, seed, and what the run of that seed shows, of each claim that is made of a run."""
    from sfmodel.paths import read_requests
    from sfmodel.stories import teller
    from sfmodel.stories.pair import find_pair

    ds = open_run(given.folder)
    scenario, config = _scenario(ds), ds.attrs.get("config") or {}
    rows = [row for row in claims.rows.rows if is_about(by_number[row.id], scenario, config)]
    if not rows:
        return
    pair = find_pair(given.folder, given.root) if any(row.measure.is_beside for row in rows) else None
    base = None if pair is None else open_run(pair)
    for seed, one in replications.replications(ds).items():
        beside = None if base is None else replications.beside(base, seed)
        requests = read_requests(replications.folder_of(given.folder, ds, seed), one)
        found = measure_rows(one, claims.rows, rows, requests=requests, base=beside, told=teller(one, beside))
        yield from ((number, seed, measured) for number, measured in found.items())


def _scenario(ds: xr.Dataset) -> str | None:
    """Name of a run's scenario, or its title where it has no file here; none: it has none."""
    from sfmodel.rows.files import scenario_of
    from sfmodel.stories.pair import scenario_title

    return scenario_of(ds) or scenario_title(ds.attrs) or None
