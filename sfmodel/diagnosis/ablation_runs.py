"""The runs in which edges are cut: so many at a time, kept in the folder of the run under diagnosis, and made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sfmodel.diagnosis.ablation import Ablation, Ablations
from sfmodel.errors import RunError
from sfmodel.provenance import provenance
from sfmodel.results.folder import is_finished, is_made_of, open_run

FOLDER = "ablations"
"""Where they are, below the run."""


def ablated(ablations: Ablations, folder: Path, processes: int | None = None) -> list[Ablation]:
    """Cut every edge, for one run each, and judge what is left of what it leads to.

    Parameters
    ----------
    ablations
        What is to be cut.
    folder
        Of the run under diagnosis.
    processes
        Runs at a time; none: as many as there are cores and memory for.

    Raises
    ------
    RunError
        A run failed; the others are kept.
    """
    mappings = {k: mapping for k in range(len(ablations.edges)) if (mapping := ablations.mapping(k)) is not None}
    root = folder / FOLDER
    missing = {k: mapping for k, mapping in mappings.items() if not _is_there(root / str(mapping["name"]), mapping)}
    if missing:
        _make(missing, root, processes)
    return [
        ablations.judged(k, open_run(root / str(mappings[k]["name"])) if k in mappings else None)
        for k in range(len(ablations.edges))
    ]


def _is_there(folder: Path, mapping: Mapping[str, Any]) -> bool:
    """Whether a run is finished; one of another version, or of another cascade, is in the way.

    Raises
    ------
    RunError
        It is.
    """
    if not is_finished(folder):
        return False
    from sfmodel.running import checked

    written = dict(checked(mapping).written)
    if is_made_of(folder, {"config": written, **provenance(written)}):
        return True
    raise RunError(
        f"{folder} is of other code or of another cascade; remove {folder.parent}, and what is cut is run again"
    )


def _make(missing: Mapping[int, Mapping[str, Any]], root: Path, processes: int | None) -> None:
    """Make runs, and show how far they are."""
    from rich.console import Console
    from rich.progress import Progress

    from sfmodel.replications.processes import Processes, how_many
    from sfmodel.running import checked, planned

    plan = planned(checked(next(iter(missing.values()))))
    failed: list[str] = []
    with ExitStack() as stack:
        bars = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
        names = {k: str(mapping["intervention"]["cut"]["title"]) for k, mapping in missing.items()}
        tasks = {k: bars.add_task(name.lower(), total=1.0) for k, name in names.items()}

        def report_of(k: int) -> Callable[[float, str], None]:
            return lambda share, state: bars.update(tasks[k], completed=share)

        pool = stack.enter_context(Processes(how_many(processes, len(missing), plan), lambda line, of: None))
        for k, reason in pool.make(missing, root, {k: report_of(k) for k in missing}):
            bars.update(tasks[k], completed=1.0)
            if reason is not None:
                failed.append(f"{names[k].lower()}: {reason}")
    if failed:
        raise RunError("\n".join(failed))
