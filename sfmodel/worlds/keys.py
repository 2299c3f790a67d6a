"""What a world at a time depends on, as a key: runs with the same key share everything until then."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sfmodel.provenance import provenance
from sfmodel.schema.run import Run
from sfmodel.schema.scenario_segments import segments
from sfmodel.schema.sources import Source

_STEP_S = 10.0
"""Width of the intervals over which rates are integrated: the last of a run may be shorter."""


def key_of(run: Run, time_s: float, since_s: float | None = None) -> str:
    """Key of a run's world at a time: a hash of the code, the data, what acts before, and from when on windows are kept with it.

    Parameters
    ----------
    run
        Validated, its references checked.
    time_s
        The world's time, s since midnight.
    since_s
        Time of the world that it goes on from, which has the windows before; none: the run's start.
    """
    before = [
        {"from_s": begins_s, "platform": _platform(acting, time_s), "demand": acting.demand.model_dump(mode="json")}
        for begins_s, acting in segments(run)
        if begins_s < time_s
    ]
    made_of = {
        "at_s": time_s, "windows_since_s": run.start if since_s is None else since_s,
        "stretches": before, "provenance": provenance(run.written),
        **{name: getattr(run, name) for name in ("seed", "start", "warmup", "window", "users", "items")},
        "trace": run.trace.model_dump(), "until_s": run.until if run.until < time_s + _STEP_S else None,
    }  # fmt: skip
    return hashlib.blake2b(json.dumps(made_of, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def _platform(run: Run, time_s: float) -> dict[str, Any]:
    """The platform without sources of which nothing comes before the time."""
    written = run.platform.model_dump(mode="json", exclude={"constants"})  # they stand where they are used
    for name, source in run.platform.sources.items():
        if source.at:
            written["sources"][name]["at"] = [at_s for at_s in source.at if at_s < time_s]
        if not _comes_before(source, time_s):
            del written["sources"][name]
    return written


def _comes_before(source: Source, time_s: float) -> bool:
    if source.rate or source.every is not None or source.file is not None:
        return True
    return any(at_s < time_s for at_s in (*source.at, *(spike.at for spike in source.spikes)))
