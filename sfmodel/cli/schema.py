"""Print the JSON Schema of a configuration file, with which editors complete and check it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfmodel.schema.base import Word


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    from sfmodel.schema.json_schema import PARTS

    names = ", ".join([*PARTS, *_of_a_run()])
    parser.add_argument("part", nargs="?", default="file", help=f"what the file holds: {names} (default: file)")
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
    from sfmodel.schema.json_schema import PARTS, file_schema, model_schema

    of_a_run = _of_a_run()
    if part not in (*PARTS, *of_a_run):
        raise ConfigError(f"schema: there is no part '{part}'; {nearest(part, [*PARTS, *of_a_run])}")
    schema = file_schema(part) if part in PARTS else model_schema(of_a_run[part], part)
    return json.dumps(schema, indent=1, ensure_ascii=False)


def _of_a_run() -> dict[str, type[Word]]:
    """What the files hold that say what to look for in a run."""
    from sfmodel.aims import Aims
    from sfmodel.alerts import Objectives
    from sfmodel.claims import Claims
    from sfmodel.figures.panel import Panels
    from sfmodel.metastability import MapDesign
    from sfmodel.paths.request_path import Paths
    from sfmodel.rows.rows import Rows
    from sfmodel.stories.story import Stories

    return {
        "aims": Aims,
        "rows": Rows,
        "claims": Claims,
        "alerts": Objectives,
        "stories": Stories,
        "paths": Paths,
        "figures": Panels,
        "metastability": MapDesign,
    }
