"""Where files that a configuration names are looked for."""

from __future__ import annotations

from pathlib import Path


def conf_folder() -> Path:
    """Return the folder of the configuration that comes with the package."""
    inside = Path(__file__).parent.parent / "conf"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "conf"


def find_file(name: str) -> Path | None:
    """Return a file named relative to the working directory or to the package's `conf/`, None where there is none."""
    for folder in (Path.cwd(), conf_folder()):
        path = folder / Path(name).expanduser()
        if path.is_file():
            return path
    return None
