"""The case study, small: composed as the command line does."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

CONF = Path(__file__).parents[2] / "conf"


@lru_cache
def composed(scenario: str = "none", users: int = 200_000, minutes: float = 5, **changes: Any) -> dict[str, Any]:
    """Begun at 20:30, when the trouble of scenarios is under way, without a warm-up."""
    overrides = ["platform=streamflow", f"scenario={scenario}", f"users={users}", "start='20:30'", "warmup=0"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        mapping = OmegaConf.to_container(compose("config", overrides=overrides), resolve=True)
    assert isinstance(mapping, dict)
    until = 20.5 * 3600 + minutes * 60
    return {**mapping, "until": f"{until} s", **changes}
