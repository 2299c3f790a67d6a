"""What all models of a platform file have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _to_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Unit = Annotated[str, BeforeValidator(_to_text)]
"""A unit: `1` need not stand in quotes."""


class Word(BaseModel):
    """A mapping of the platform language: unknown keys are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
