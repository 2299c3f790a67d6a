"""The Python side of the command line: `sfmodel.load("chain").run(until="5 min")`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Model:
    """A platform with its demand and scenario, ready to run."""

    config: Mapping[str, Any]
    """The composed configuration."""

    def run(self, **keys: Any) -> xr.Dataset:
        """Simulate in memory.

        Parameters
        ----------
        keys
            Top-level keys that replace the configuration's, such as `until="24h"`, `seed=2`, `users="1 M"`.

        Returns
        -------
        The run's Dataset.

        Raises
        ------
        ConfigError
            A key or a value is wrong.
        RunError
            The work failed.
        """
        from sfmodel.running import run_in_memory

        return run_in_memory({**copy.deepcopy(dict(self.config)), **keys})


def load(platform: str, *overrides: str) -> Model:
    """Compose a platform by name, as `sfmodel run platform=NAME OVERRIDES` does.

    Parameters
    ----------
    platform
        Its name.
    overrides
        Words of the form key=value.

    Raises
    ------
    ConfigError
        No such platform, or an override that does not fit.
    """
    from sfmodel.cli.compose import composed
    from sfmodel.errors import ConfigError

    for word in overrides:
        if not isinstance(word, str):
            raise ConfigError(f"load: expected words such as 'seed=2', each an argument of its own, found {word!r}")
    return Model(composed([f"platform={platform}", *overrides]))
