"""Performance model of a whole platform at full scale: services, caches, limiters and millions of users on one core.

What this module exports is imported when it is first used, so that `import sfmodel` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfmodel.model import load
    from sfmodel.results.folder import open_run as open
    from sfmodel.results.measures import quantile
    from sfmodel.results.replications import replication
    from sfmodel.results.transient import transient
    from sfmodel.sweeps.dataset import open_sweep

__all__ = ["load", "open", "open_sweep", "quantile", "replication", "transient"]

_EXPORTS = {
    "load": ("sfmodel.model", "load"),
    "open_sweep": ("sfmodel.sweeps.dataset", "open_sweep"),
    "open": ("sfmodel.results.folder", "open_run"),
    "quantile": ("sfmodel.results.measures", "quantile"),
    "replication": ("sfmodel.results.replications", "replication"),
    "transient": ("sfmodel.results.transient", "transient"),
}


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'sfmodel' has no attribute '{name}'")
    module, attribute = _EXPORTS[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])
