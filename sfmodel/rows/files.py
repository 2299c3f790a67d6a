"""Where files of rows, stories and paths are, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from yaml import YAMLError  # type: ignore[import-untyped]

from sfmodel.errors import ConfigError
from sfmodel.schema.base import Word
from sfmodel.schema.files import conf_folder
from sfmodel.schema.mistakes import sentences

if TYPE_CHECKING:
    import xarray as xr

Words = TypeVar("Words", bound=Word)


def read_words(path: Path, model: type[Words]) -> Words:
    """Read a YAML file as a model.

    Raises
    ------
    ConfigError
        It cannot be read, or something in it is wrong; the message has a line for each mistake.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        written: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from None
    try:
        return model.model_validate(written)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in sentences(error, written, model))) from None


def file_of(kind: str, ds: xr.Dataset) -> Path | None:
    """Return `conf/<kind>/<platform>.yaml` of a run's platform, the user's own before the package's; None: there is none."""
    name = f"{ds.attrs.get('platform')}.yaml"
    folders = (Path.cwd() / "conf", conf_folder())
    return next((path for folder in folders if (path := folder / kind / name).is_file()), None)
