"""Print the JSON Schema of a configuration file, with which editors complete and check it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    from sfmodel.schema.json_schema import PARTS

    parser.add_argument(
        "part", nargs="?", default="file", help=f"what the file holds: {', '.join(PARTS)} (default: file)"
    )
    parser.add_argument("-o", "--output", type=Path, help="write it to this file")


def execute(arguments: argparse.Namespace) -> int:
    """Print or write the schema."""
    text = schema_text(arguments.part)
    if arguments.output is None:
        print(text)
        return 0
    try:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        from sfmodel.errors import RunError

        raise RunError(f"{arguments.output} cannot be written: {(error.strerror or str(error)).lower()}") from None
    print(f"{arguments.output} written; name it in a file's first lines: # yaml-language-server: $schema=…")
    return 0


def schema_text(part: str = "file") -> str:
    """Return the schema as JSON."""
    from sfmodel.errors import ConfigError, nearest
    from sfmodel.schema.json_schema import PARTS, file_schema

    if part not in PARTS:
        raise ConfigError(f"schema: there is no part '{part}'; {nearest(part, PARTS)}")
    return json.dumps(file_schema(part), indent=1, ensure_ascii=False)
