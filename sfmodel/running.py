"""From a composed configuration to a folder with results: what `sfmodel run` and `sfmodel.load(…).run()` do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfmodel.errors import RunError
from sfmodel.schema import parse_run
from sfmodel.schema.references import check_references


def run_to_folder(mapping: Mapping[str, Any], hydra_files: Mapping[str, str] | None, root: Path) -> Path:
    """Simulate one run and keep its results.

    Parameters
    ----------
    mapping : the composed configuration, as the user wrote it.
    hydra_files : name → text of the files that go into `.hydra/`; none where Hydra was not used.
    root : folder in which the run's own folder appears when it is complete.

    Returns
    -------
    Path of the run's folder.

    Raises
    ------
    ConfigError
        The configuration is wrong; nothing was written.
    RunError
        The work failed; what is on disk is marked incomplete.
    """
    run = parse_run(mapping)
    check_references(run)
    # To come here: memory check → simulate → dataset → summary table → figures → 'next: sfmodel plot latest'.
    raise RunError(f"the engine is not connected yet: {run.platform.name} was checked, and nothing was simulated")
