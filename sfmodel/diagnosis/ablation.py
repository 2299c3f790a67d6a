"""Whether a cascade goes the way that it seems to: each edge is cut, for one run with the same seed, and its symptom must go.

The run is the same until the cascade begins, to the bit. What then suffers where the edge leads must suffer no more: at most
`LEFT` of how it did is left.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sfmodel.diagnosis.cascades import Cascade
from sfmodel.diagnosis.course import ended
from sfmodel.diagnosis.cuts import cut
from sfmodel.diagnosis.edges import Edge, How
from sfmodel.diagnosis.pushes import Pushes
from sfmodel.diagnosis.scene import Scene
from sfmodel.diagnosis.variants import variants
from sfmodel.errors import ConfigError
from sfmodel.plan import build_plan
from sfmodel.running import checked

if TYPE_CHECKING:
    import xarray as xr

LEFT = 0.2
"""A symptom of which less is left has gone."""

FOLDER = "ablations"
"""Where the runs are, below the run's folder."""

Verdict = Literal["holds", "partly", "does not hold", "cannot be cut"]


CutKey = tuple[float, str, str, str, How]


def cut_key(cascade: Cascade, edge: Edge) -> CutKey:
    """Which edge of which cascade, by when this begins and what it comes from."""
    return (cascade.begins_s, cascade.cause, *edge.key)


@dataclass(frozen=True)
class Ablation:
    """An edge, and what is left of its symptom where it is cut."""

    edge: Edge
    cascade: Cascade
    symptom: str
    """Service that suffers where the edge leads."""
    left: float
    """Share of its suffering that is left; not a number where the edge cannot be cut."""

    @property
    def key(self) -> CutKey:
        """Which edge of which cascade, as `cut_key` says."""
        return cut_key(self.cascade, self.edge)

    @property
    def verdict(self) -> Verdict:
        """Whether the symptom went with the edge."""
        if math.isnan(self.left):
            return "cannot be cut"
        return "holds" if self.left <= LEFT else "partly" if self.left <= 1 - LEFT else "does not hold"


class Ablations:
    """The edges of a run's cascades, each to be cut once, where the cascade that it is in is worst.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    found
        Its cascades.

    Raises
    ------
    ConfigError
        Interventions were switched on during the run, so that none can be switched on besides.
    """

    def __init__(self, ds: xr.Dataset, found: Sequence[Cascade]) -> None:
        """Compile the platform, to know where calls are made; nothing is run yet."""
        self._scene, self._config = Scene(ds), copy.deepcopy(ds.attrs["config"])
        self._run = checked({**self._config, "replications": 1})
        if self._run.is_switched:
            raise ConfigError(
                "--ablate: interventions were switched on during this run, and a cut cannot be switched on besides; "
                "give a run that has them from the beginning"
            )
        self._plan, self._pushes = build_plan(self._run), Pushes(self._scene)
        worst: dict[tuple[str, str, How], tuple[Cascade, Edge]] = {}
        for cascade in sorted(found, key=self._harm):
            worst |= {edge.key: (cascade, edge) for edge in cascade.edges}
        self.edges = list(worst.values())

    def mapping(self, k: int) -> dict[str, Any] | None:
        """Configuration of the run in which an edge is cut; none: it cannot be cut."""
        cascade, edge = self.edges[k]
        scene, when = self._scene, self._scene.windows(cascade.begins_s, cascade.ends_s)
        changes = cut(self._run, self._plan, scene, edge, self._pushes.usual_share(edge, when))
        if not changes:
            return None
        begins_s = self._begins_s(cascade)
        forks = sorted({begins for begins in map(self._begins_s, self._cut_in) if begins <= begins_s})
        own = {"title": f"Without {edge.source} → {edge.target} ({edge.how})", "changes": [{"set": changes}]}
        return {
            **copy.deepcopy(self._config),
            "intervention": {"cut": own}, "switch_on": f"{begins_s} s", "forks": [f"{one} s" for one in forks],
            "until": f"{cascade.ends_s} s", "replications": 1, "seed": int(scene.ds.attrs["seed"]),
            "trace": {"one_in": 0}, "name": _name(edge),
        }  # fmt: skip

    def made(self, folder: Path, processes: int | None = None) -> list[Ablation]:
        """Cut every edge, for one run each, kept below the run's folder; judge what is left. Raises as `variants` does."""
        mappings = {str(mapping["name"]): mapping for k in range(len(self.edges)) if (mapping := self.mapping(k))}
        found = variants(mappings, folder / FOLDER, processes)
        return [self.judged(k, found.get(_name(edge))) for k, (_, edge) in enumerate(self.edges)]

    def judged(self, k: int, without: xr.Dataset | None) -> Ablation:
        """What is left of the symptom of an edge in the run in which it is cut; none: there is no such run."""
        cascade, edge = self.edges[k]
        symptom = _symptom(cascade, edge)
        if without is None:
            return Ablation(edge, cascade, symptom, math.nan)
        when = self._scene.windows(cascade.begins_s, cascade.ends_s)
        before = self._scene.services[symptom]
        failing = bool(before.failed[when].any())
        after = self._scene.course_in(symptom, ended(without, "endpoint"))
        left = after.harm(when, failing) / max(before.harm(when, failing), 1e-12)
        return Ablation(edge, cascade, symptom, left)

    @property
    def _cut_in(self) -> list[Cascade]:
        """Cascades in which edges are cut."""
        return [cascade for cascade, _ in self.edges]

    def _begins_s(self, cascade: Cascade) -> float:
        """Beginning of the window before a cascade."""
        return float(self._scene.time_s[max(0, self._scene.windows(cascade.begins_s, cascade.ends_s).start - 1)])

    def _harm(self, cascade: Cascade) -> float:
        when = self._scene.windows(cascade.begins_s, cascade.ends_s)
        end = self._scene.services[cascade.path[-1]]
        return cascade.share * end.harm(when, bool(end.failed[when].any()))


def _name(edge: Edge) -> str:
    """Name of the run in which an edge is cut, as runs may be called."""
    return re.sub(r"[^\w.]+", "-", "-".join(edge.key))


def _symptom(cascade: Cascade, edge: Edge) -> str:
    """Service where an edge shows: its target; of one that pushes, whoever waits for the target."""
    if not edge.is_push or edge.target not in cascade.path:
        return edge.target
    above = cascade.path.index(edge.target) + 1
    return cascade.path[min(above, len(cascade.path) - 1)]
