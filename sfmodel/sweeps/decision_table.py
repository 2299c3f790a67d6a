"""A decision as a table, and the settings of the change that it is for."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from sfmodel.aims import Aim
from sfmodel.sweeps.deciding import Decision
from sfmodel.sweeps.points import NONE, override_of

if TYPE_CHECKING:
    from rich.table import Table


def to_ship(decision: Decision, platform: str) -> str:
    """The best change with its settings, as they would be typed for a whole run, else those that may be the best; nothing
    where chance is not known yet, or no change is better than none."""
    from sfmodel.schema.interventions import Intervention

    best, candidates = decision.best(), decision.candidates()
    if best is None and candidates:
        return f"nothing to ship yet; it may be {', '.join(candidates)}"
    if best is None or best == NONE:
        return ""
    files = _files(best)
    settings = [
        f"intervention.{name}.{key}={json.dumps(value, ensure_ascii=False)}"
        for name, written in files.items()
        for key, value in written.items()
        if key not in Intervention.model_fields
    ]
    command = f"sfmodel run platform={platform} '{override_of(best)}'"
    return "\n".join([f"to ship: {command}", *(f"  {setting}" for setting in settings)])


def decision_table(decision: Decision, aim: Aim, *, with_storm: bool) -> Table:
    """The ranking: effect, probability of being best, effect in the storm, effort, how soon it is undone."""
    from rich.table import Table

    from sfmodel.results.comparison_table import signed_interval
    from sfmodel.results.intervals import Interval
    from sfmodel.results.summary import format_value

    found = decision.standing()
    table = Table(title=f"{aim.title}, beside no change", title_justify="left", header_style="bold")
    table.add_column("change", overflow="fold")
    for column in ("seeds", "effect", "best with", *(["in the storm"] if with_storm else []), "effort", "undone in"):
        table.add_column(column, justify="right", no_wrap=True)
    for name in decision.order():
        assert found is not None  # it has an order
        k = found.names.index(name)
        effect = "–" if k == 0 else signed_interval(found.size(name), aim.unit)
        best = "–" if math.isnan(found.best[k]) else format_value(float(found.best[k]), "share")
        harm = decision.harm(name)
        in_storm = "–" if k == 0 or math.isnan(harm) else signed_interval(Interval(harm, math.nan, 0), aim.unit)
        seeds = sum(change == name for change, _ in decision.seen)
        spaced = name.replace("+", " + ")
        table.add_row(spaced, str(seeds), effect, best, *([in_storm] if with_storm else []), *effort_and_undo(name))
    for name in (name for name in decision.changes if name not in decision.order()):
        dashes = ["–"] * (3 if with_storm else 2)
        table.add_row(name.replace("+", " + "), "0", *dashes, *effort_and_undo(name))
    return table


def effort_and_undo(change: str) -> tuple[str, str]:
    """The largest effort of the interventions of a set, and the longest time to undo them."""
    from typing import get_args

    from sfmodel.schema.interventions import Effort, Undo

    worst = []
    for key, scale in (("effort", get_args(Effort)), ("undo", get_args(Undo))):
        known = [str(one[key]) for one in _files(change).values() if one.get(key) in scale]
        worst.append(max(known, key=scale.index) if known else "–")
    return worst[0], worst[1]


def _files(change: str) -> dict[str, dict[str, Any]]:
    """What is written of each intervention of a set."""
    import yaml  # type: ignore[import-untyped]

    from sfmodel.rows.files import named_files

    names = [] if change == NONE else change.split("+")
    paths = named_files("intervention")
    return {name: yaml.safe_load(paths[name].read_text(encoding="utf-8")) for name in names}
