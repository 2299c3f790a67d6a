"""From a mapping (Hydra's composed config) to a validated Run, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sfmodel.errors import ConfigError
from sfmodel.schema.changes import with_changes
from sfmodel.schema.mistakes import sentences
from sfmodel.schema.run import Run

_YAML_WORDS = {True: "on", False: "off"}


def parse_run(mapping: Mapping[str, Any]) -> Run:
    """Validate a composed configuration.

    Interventions are applied to it first. The mapping itself, as it is then, is kept in `run.written`, for what needs the
    user's own words.

    Raises
    ------
    ConfigError
        One line per mistake: key path, what was found, what was expected, the nearest valid name.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"expected a mapping (key: value), found {mapping!r}")
    plain = _with_words(mapping)
    written = with_changes(plain)
    try:
        return _validated(written, plain)
    except ConfigError as error:
        if written is plain:
            raise
        _validated(plain, plain)
        names = ", ".join(plain["intervention"])
        raise ConfigError(
            "\n".join(f"with intervention=[{names}]: {line}" for line in str(error).splitlines())
        ) from None


def _validated(written: dict[str, Any], plain: dict[str, Any]) -> Run:
    try:
        run = Run.model_validate(written)
    except ValidationError as error:
        raise ConfigError("\n".join(sentences(error, written))) from None
    run.keep(written, {**plain, "intervention": {}})
    return run


def _with_words(value: Any) -> Any:
    """Turn keys that YAML 1.1 reads as booleans back into the words that were written (`on: [timeout]`)."""
    if isinstance(value, Mapping):
        return {_YAML_WORDS[key] if isinstance(key, bool) else key: _with_words(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_words(item) for item in value]
    return value
