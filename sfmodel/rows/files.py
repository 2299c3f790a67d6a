"""Where files of rows, stories and paths are, and how they are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml  # type: ignore[import-untyped]
from pydantic import ValidationError

from sfmodel.errors import ConfigError
from sfmodel.schema.base import Word
from sfmodel.schema.files import conf_folder
from sfmodel.schema.mistakes import sentences

if TYPE_CHECKING:
    import xarray as xr

Words = TypeVar("Words", bound=Word)

_FLOAT = "tag:yaml.org,2002:float"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Hydra reads it: 1e3 is a number, a date is text, a key stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' stands twice", key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep=deep))


_Loader.yaml_implicit_resolvers = {
    start: [(tag, pattern) for tag, pattern in found if tag != _TIMESTAMP]
    for start, found in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_FLOAT, re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+0123456789."))


def read_words(path: Path, model: type[Words]) -> Words:
    """Read a YAML file as a model.

    Raises
    ------
    ConfigError
        It cannot be read, or something in it is wrong; the message has a line for each mistake.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            written: Any = yaml.load(stream, Loader=_Loader) or {}
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected text in UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from None
    try:
        return model.model_validate(written)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in sentences(error, written, model))) from None


def file_of(kind: str, ds: xr.Dataset, name: str | None = None) -> Path | None:
    """Return a file for a run's platform, the user's own before the package's, None where there is none.

    `conf/<kind>/<platform>.yaml`, or with a name `conf/<kind>/<platform>/<name>.yaml`.
    """
    return file_for(kind, str(ds.attrs.get("platform")), name)


def file_for(kind: str, platform: str, name: str | None = None) -> Path | None:
    """As `file_of`, of a platform by its name."""
    return _find(f"{kind}/{platform}.yaml" if name is None else f"{kind}/{platform}/{name}.yaml")


def needed_file(kind: str, ds: xr.Dataset) -> Path:
    """Return `conf/<kind>/<platform>.yaml` of a run's platform.

    Raises
    ------
    ConfigError
        There is none.
    """
    return platform_file(kind, str(ds.attrs.get("platform")))


def names_of(kind: str, ds: xr.Dataset) -> list[str]:
    """Return the names of the files in `conf/<kind>/<platform>/`."""
    return sorted(named_files(kind, str(ds.attrs.get("platform"))))


def named_files(kind: str, platform: str = "") -> dict[str, Path]:
    """Return the files in `conf/<kind>/<platform>/`, or in `conf/<kind>/`, by name, the user's own before the package's."""
    found = {path.stem: path for path in reversed(_files(f"{kind}/{platform}"))}
    return dict(sorted(found.items()))


def is_of_a_platform(kind: str, path: Path) -> bool:
    """Whether a file lies in a folder of such files, so that it is about a platform and not about one run."""
    found = path.resolve()
    return any(found.is_relative_to((folder / kind).resolve()) for folder in _folders())


def platform_file(kind: str, platform: str) -> Path:
    """Return `conf/<kind>/<platform>.yaml`, the user's own before the package's.

    Raises
    ------
    ConfigError
        There is none.
    """
    path = _find(f"{kind}/{platform}.yaml")
    if path is None:
        raise ConfigError(
            f"there are no {kind} for platform '{platform}': write conf/{kind}/{platform}.yaml, "
            f"or name a file with --{kind}"
        )
    return path


def scenario_of(ds: xr.Dataset) -> str | None:
    """Return the name of a run's scenario, such as `f1_at_peak` or `literature/burst`: that of the file with its title.

    None: it has no such.
    """
    title = str(ds.attrs.get("scenario") or "")
    for folder in _folders() if title else ():
        for path in sorted((folder / "scenario").rglob("*.yaml")):
            if _title(path) == title:
                return path.relative_to(folder / "scenario").with_suffix("").as_posix()
    return None


def _find(name: str) -> Path | None:
    return next((path for folder in _folders() if (path := folder / name).is_file()), None)


def _files(kind: str) -> list[Path]:
    return [path for folder in _folders() for path in sorted((folder / kind).glob("*.yaml"))]


def _folders() -> tuple[Path, Path]:
    return Path.cwd() / "conf", conf_folder()


def _title(path: Path) -> str:
    """Title of a scenario's file, whether it is written for the group or for the whole configuration."""
    from omegaconf import OmegaConf

    written: Any = OmegaConf.to_container(OmegaConf.load(path))
    inside = written.get("scenario", written) if isinstance(written, dict) else {}
    return str(inside.get("title") or "") if isinstance(inside, dict) else ""
