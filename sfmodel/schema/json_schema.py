"""JSON Schema of the files of a configuration, for editors."""

from __future__ import annotations

from typing import Any

from sfmodel.schema.base import Word
from sfmodel.schema.demand import Demand
from sfmodel.schema.interventions import ORIGINAL, Intervention
from sfmodel.schema.platform import Platform
from sfmodel.schema.run import Run
from sfmodel.schema.scenario import Scenario
from sfmodel.schema.services import Service

PARTS: dict[str, type[Word]] = {
    "file": Run,
    "platform": Platform,
    "service": Service,
    "demand": Demand,
    "scenario": Scenario,
    "intervention": Intervention,
}
"""What a file can hold: any part of a run (`# @package _global_`), or one thing of a config group."""

_WORDS = ["return", "fail", "continue", ORIGINAL]
"""What may stand in place of steps without a mapping."""


def file_schema(part: str = "file") -> dict[str, Any]:
    """Return the schema of a file that holds one of `PARTS`, beside Hydra's `defaults` and `hydra`.

    Nothing is required at its top: what a file leaves out, the files it builds on have.
    """
    schema = model_schema(PARTS[part], part)
    schema["properties"]["defaults"] = {"type": "array", "description": "Hydra: files this one builds on."}
    schema["properties"]["hydra"] = {"type": "object", "description": "Hydra's own settings."}
    schema.pop("required", None)
    _allow_shorthands(schema["$defs"])
    return schema


def model_schema(model: type[Word], name: str) -> dict[str, Any]:
    """Return the schema of a file that holds what a model says."""
    return {
        **model.model_json_schema(),
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"sfmodel {name}",
    }


def _allow_shorthands(definitions: dict[str, Any]) -> None:
    """One step needs no list, and `return`, `fail` and `continue` need no mapping."""
    steps = definitions.get("Steps")
    if steps is not None:
        definitions["Steps"] = {"anyOf": [steps, {"$ref": "#/$defs/Step"}]}
        definitions["Step"] = {"anyOf": [definitions["Step"], {"enum": _WORDS}]}
