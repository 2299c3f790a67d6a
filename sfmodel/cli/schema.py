"""Print the JSON Schema of a configuration, with which editors complete and check platform files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("-o", "--output", type=Path, help="write it to this file")


def execute(arguments: argparse.Namespace) -> int:
    """Print or write the schema."""
    text = schema_text()
    if arguments.output is None:
        print(text)
    else:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(text + "\n", encoding="utf-8")
        print(f"{arguments.output} written; name it in a file's first line: # yaml-language-server: $schema=…")
    return 0


def schema_text() -> str:
    """Return the schema as JSON: every key is optional, because a file is one part of a configuration."""
    from sfmodel.schema.json_schema import file_schema

    return json.dumps(file_schema(), indent=1, ensure_ascii=False)
