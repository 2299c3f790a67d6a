"""Start a platform of your own: a small one of three services, commented, that runs at once."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from sfmodel.errors import ConfigError, RunError
from sfmodel.schema.files import conf_folder

FOLDER = Path("conf")
SCHEMA = "sfmodel.schema.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", help="name of the platform: letters, digits and _")


def execute(arguments: argparse.Namespace) -> int:
    """Write conf/platform/NAME.yaml and the schema for editors, and say what to do next."""
    name = arguments.name
    path = FOLDER / "platform" / f"{name}.yaml"
    _refuse(name, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_schema()
        path.write_text(_template().replace("NAME", name), encoding="utf-8")
    except OSError as error:
        raise RunError(f"new: {path} cannot be written: {(error.strerror or str(error)).lower()}") from None
    print(f"{path}: web → api → database, 300 requests a second\n")
    print("next:")
    print(f"  sfmodel lint {name:<28} who calls whom, and how loaded each station is")
    print(f"  sfmodel run platform={name:<20} ten minutes of it")
    print(f"  sfmodel run platform={name} platform.services.database.stations.connections.servers=4")
    print("                                            the same requests, with half of the database")
    return 0


def _refuse(name: str, path: Path) -> None:
    if not re.fullmatch(r"[A-Za-z]\w*", name):
        raise ConfigError(f"new: expected a name of letters, digits and _, that begins with a letter, found '{name}'")
    if path.exists():
        raise ConfigError(f"new: {path} is there already and stays as it is; choose another name")
    if (conf_folder() / "platform" / f"{name}.yaml").exists():
        raise ConfigError(f"new: '{name}' is a platform that comes with sfmodel; choose another name")


def _write_schema() -> None:
    from sfmodel.cli.schema import schema_text

    (FOLDER / SCHEMA).write_text(schema_text() + "\n", encoding="utf-8")


def _template() -> str:
    return (Path(__file__).parent / "new_platform.yaml").read_text(encoding="utf-8")
