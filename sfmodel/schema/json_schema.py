"""JSON Schema of the files of a configuration, for editors."""

from __future__ import annotations

from typing import Any

from sfmodel.schema.run import Run


def file_schema() -> dict[str, Any]:
    """Return the schema of one file: any part of a run, beside Hydra's `defaults` and `hydra`."""
    schema = Run.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "sfmodel configuration"
    schema["properties"]["defaults"] = {"type": "array", "description": "Hydra: files this one builds on."}
    schema["properties"]["hydra"] = {"type": "object", "description": "Hydra's own settings."}
    schema.pop("required", None)
    return schema
