"""Hydra's side of the command line: compose a configuration, and say in one line what is wrong with a request.

Requests are looked through before Hydra runs them. That is where a mistyped group, option or key meets the names
it could have been, and where a key that the language knows but no file has written is let in: Hydra alone would
ask for `++key=value`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.plugins.sweeper import Sweeper
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError, safe_load  # type: ignore[import-untyped]

from sfmodel.errors import ConfigError, nearest
from sfmodel.schema.durations import Distribution
from sfmodel.schema.files import conf_folder
from sfmodel.schema.keys import is_model, names_at, place_at, split
from sfmodel.schema.labels import with_numbers

if TYPE_CHECKING:
    from omegaconf import DictConfig

CONFIG_NAME = "config"
HYDRAS_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
"""What Hydra and the files it reads can complain with."""

_OTHER_FOLDERS = {
    "aims",
    "alerts",
    "claims",
    "decide",
    "hydra",
    "data",
    "figures",
    "metastability",
    "paths",
    "rows",
    "stories",
}
"""Folders of conf/ that are no config groups."""


def user_folder() -> Path | None:
    """Return ./conf, where a user's own platforms are, None where there is none or it is the package's."""
    own = Path.cwd() / "conf"
    return own if own.is_dir() and own.resolve() != conf_folder().resolve() else None


def search_path(overrides: Sequence[str] = (), folder: str | None = None) -> list[str]:
    """Return the override that puts ./conf, and a folder named by --config-dir, on Hydra's search path.

    Nothing where the user says `hydra.searchpath=…`, which then stands alone.
    """
    if any(text.startswith("hydra.searchpath=") for text in overrides):
        return [text for text in overrides if text.startswith("hydra.searchpath=")]
    if folder and not Path(folder).is_dir():
        raise ConfigError(f"run: --config-dir: there is no folder '{folder}'")
    folders = [Path(folder).resolve()] if folder else []
    own = user_folder()
    folders += [own] if own else []
    return [f"hydra.searchpath=[{','.join(quoted(f'file://{path}') for path in folders)}]"] if folders else []


def quoted(text: str) -> str:
    """Return a text as Hydra reads it back, whatever is in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def composed(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the composed configuration as a plain mapping."""
    with _hydra():
        ready, is_sweep = _prepared(overrides, search_path(overrides))
        if is_sweep:
            raise ConfigError("one configuration is expected here, found a sweep; give each key one value")
        return to_mapping(_compose([*search_path(overrides), *ready]))


def to_mapping(config: DictConfig) -> dict[str, Any]:
    """Return a plain mapping with all references resolved."""
    with _one_line():
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]


def options(group: str) -> list[str]:
    """Return the files of a config group, the user's own included."""
    with _hydra():
        return _options(group, search_path())


@dataclass(frozen=True)
class FirstJob:
    """What the first job of a sweep is composed to."""

    config: dict[str, Any]
    with_files: dict[str, dict[str, Any]]
    """The same job with each file in turn that a swept group names, by its override; references as they are written, since
    files of a set may refer to each other."""


@dataclass(frozen=True)
class Jobs:
    """What a sweep comes to, as Hydra's own sweeper makes it."""

    overrides: list[list[str]]
    """Of each job."""
    fixed: list[str]
    """Those that all jobs have."""
    first: FirstJob | None
    """None where there are no jobs."""


def jobs(overrides: Sequence[str], folder: str | None = None) -> Jobs | None:
    """Return the jobs of a sweep without running any; none where its sweeper decides that as it goes.

    Parameters
    ----------
    overrides
        As `checked` returns them.
    folder
        --config-dir.
    """
    path = search_path(overrides, folder)
    with _hydra():
        parser = _parser()
        every = parser.parse_overrides(list(overrides))
        hydras = [text for text, found in zip(overrides, every, strict=True) if _is_hydras(found)]
        own = [text for text in overrides if text not in hydras]
        groups = _groups(path)
        chosen = [_first_choice(found) for found in every if _is_group(found, groups)]
        with_path = [*path, *(text for text in hydras if text not in path)]
        settings = compose(CONFIG_NAME, [*with_path, *filter(None, chosen)], return_hydra_config=True).hydra.sweeper
        if not settings["_target_"].endswith(".BasicSweeper"):
            return None
        parsed = parser.parse_overrides([*(f"{key}={value}" for key, value in (settings.params or {}).items()), *own])
        [made] = BasicSweeper.split_arguments(parsed, None)
        swept = {found.get_key_element() for found in parsed if found.is_sweep_override()}
        fixed = [text for text in (made[0] if made else []) if text.partition("=")[0] not in swept]
        return Jobs(made, fixed, _first_job(made[0], _each_file(parsed, groups), with_path) if made else None)


@contextmanager
def composed_before() -> Iterator[None]:
    """Let Hydra's sweeper not compose each job before the first runs: `jobs` has, one with each file, and each key was looked up.
    A thousand points would take a quarter of an hour, and they are composed again where they run."""
    validate = (
        Sweeper.validate_batch_is_legal
    )  # Hydra makes the classes of its plugins anew, not those that they come of
    Sweeper.validate_batch_is_legal = lambda self, batch: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Sweeper.validate_batch_is_legal = validate  # type: ignore[method-assign]


def first_job(overrides: Sequence[str], files: Iterable[str], folder: str | None = None) -> FirstJob:
    """Compose the first job of a sweep as it was recorded: its overrides, and those of its files, in Hydra's own form."""
    with _hydra():
        return _first_job(overrides, files, search_path((), folder))


def checked(overrides: Sequence[str], folder: str | None = None) -> list[str]:
    """Return the overrides as Hydra shall run them, after a look at every name in them; `folder` is --config-dir."""
    path = search_path(overrides, folder)
    with _hydra():
        ready, _ = _prepared(overrides, path)
    return [*(text for text in path if text not in ready), *ready]


def launcher_settings(overrides: Sequence[str]) -> dict[str, Any]:
    """Return `hydra.launcher` as these overrides, which have been looked through, make it."""
    own = [text for text in overrides if text.lstrip("+~").startswith("hydra")]
    with _hydra():
        hydras = compose(None, overrides=own, return_hydra_config=True).hydra
        return OmegaConf.to_container(hydras.launcher, resolve=True)  # type: ignore[return-value]


# Within Hydra


@contextmanager
def _hydra() -> Iterator[None]:
    folder = str(conf_folder())
    with _one_line(), our_ray(), initialize_config_dir(folder, job_name="sfmodel", version_base="1.3"):
        yield


@contextmanager
def our_ray() -> Iterator[None]:
    """Let conf/hydra/launcher/ray.yaml have the name of what the plugin declares: Hydra checks one by the other, as it should."""
    with catch_warnings():
        filterwarnings("ignore", message=r"\s*'hydra/launcher/ray' is validated against ConfigStore schema")
        yield


def _first_job(overrides: Sequence[str], files: Iterable[str], path: Sequence[str]) -> FirstJob:
    config = to_mapping(_compose([*path, *overrides]))
    with_files = {}
    for file in files:
        key = file.partition("=")[0]
        job = [file if text.partition("=")[0] == key else text for text in overrides]
        with_files[file] = OmegaConf.to_container(_compose([*path, *job]), resolve=False)
    return FirstJob(config, with_files)  # type: ignore[arg-type]


def _each_file(parsed: Sequence[Override], groups: list[str]) -> Iterator[str]:
    """Overrides of one file each: all that swept groups name."""
    for override in (found for found in parsed if found.is_sweep_override() and _is_group(found, groups)):
        key = override.get_key_element()
        single = {f"[{name}]" for value in _values(override) if isinstance(value, list) for name in value}
        single |= {str(value) for value in _values(override) if isinstance(value, str)}
        yield from (f"{key}={value}" for value in sorted(single))


def _parser() -> OverridesParser:
    """A parser that knows the files that a glob stands for."""
    return OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())


def _compose(overrides: Sequence[str]) -> DictConfig:
    return compose(CONFIG_NAME, overrides=list(overrides))


def _options(group: str, path: Sequence[str]) -> list[str]:
    """Files of a group, and those of its folders; but a folder beside a file of its name holds that file's parts."""
    files = _found(group, path, ObjectType.CONFIG)
    folders = [] if "/" in group else sorted(set(_found(group, path, ObjectType.GROUP)) - set(files))
    return files + [f"{folder}/{name}" for folder in folders for name in _options(f"{group}/{folder}", path)]


def _found(group: str, path: Sequence[str], kind: ObjectType) -> list[str]:
    loader = GlobalHydra.instance().config_loader()
    return sorted(set(loader.get_group_options(group, kind, config_name=CONFIG_NAME, overrides=list(path))))


def _groups(path: Sequence[str]) -> list[str]:
    return sorted(set(_found("", path, ObjectType.GROUP)) - _OTHER_FOLDERS)


def _prepared(overrides: Sequence[str], path: Sequence[str]) -> tuple[list[str], bool]:
    """Check groups, options and keys; let in keys that are known but not written. Also say whether it is a sweep."""
    parsed = _parser().parse_overrides(list(overrides))
    groups = _groups(path)
    for override in parsed:
        _check_group(override, groups, path)
    chosen = [_first_choice(override) for override in parsed if _is_group(override, groups)]
    base: Any = OmegaConf.to_container(_compose([*path, *(text for text in chosen if text)]), resolve=False)
    one_base = not any(o.is_sweep_override() for o in parsed if _is_group(o, groups))
    platforms_differ = any(o.is_sweep_override() and o.key_or_group == "platform" for o in parsed)
    written = base if one_base else {}  # what one file writes, another of the sweep may not
    ready = []
    for text, override in zip(overrides, parsed, strict=True):
        if _is_key(override, groups):
            key = override.key_or_group
            parts = with_numbers(split(key), base)
            if platforms_differ and parts != split(key):
                raise ConfigError(
                    f"{key}: a label stands for a number of one platform; sweep over platforms without it"
                )
            text = text.replace(key, ".".join(parts), 1)
            _check_is_on(key, parts, base, path)
            _check_key(key, parts, base, groups)
            replaces = _is_another_distribution(override, parts, base)
            if replaces:
                ready.append(f"~{'.'.join(parts)}")
            text = _let_in(text, override, is_written=_is_written(written, parts) and not replaces)
        ready.append(text)
    return ready, any(override.is_sweep_override() for override in parsed)


def _is_group(override: Override, groups: list[str]) -> bool:
    return override.key_or_group.split("/")[0] in groups and "." not in override.key_or_group


def _is_hydras(override: Override) -> bool:
    return override.key_or_group.split(".")[0].split("/")[0] == "hydra"


def _check_group(override: Override, groups: list[str], path: Sequence[str]) -> None:
    if not _is_group(override, groups) or override.is_delete():
        return
    group = override.key_or_group
    valid = _options(group, path)
    for value in _values(override):
        for name in value if isinstance(value, list) else [value]:
            if name is not None and str(name) not in valid:
                raise ConfigError(
                    f"there is no {group} '{name}'; {_misnamed(group, str(name)) or nearest(str(name), valid)}"
                )


def _misnamed(group: str, name: str) -> str | None:
    """A file of the user's that Hydra passes over, for it ends in .yml."""
    own = user_folder()
    found = own and own / group / f"{name}.yml"
    return f"rename {found} to {name}.yaml" if found and found.is_file() else None


def _values(override: Override) -> list[Any]:
    """The value of an override, or each that a sweep gives it; a swept list comes as text."""
    if not override.is_sweep_override():
        return [override.value()]
    parser = _parser()
    key = override.get_key_element()
    return [parser.parse_override(f"{key}={text}").value() for text in override.sweep_string_iterator()]


def _first_choice(override: Override) -> str | None:
    """A group override with the first of its swept values: enough to know which keys there are."""
    text = override.input_line or ""
    if not override.is_sweep_override():
        return text
    first = next(iter(override.sweep_string_iterator()), None)
    return f"{text.split('=', 1)[0]}={first}" if first is not None else None


def _is_key(override: Override, groups: list[str]) -> bool:
    return not (_is_group(override, groups) or _is_hydras(override) or override.package is not None)


def _let_in(text: str, override: Override, *, is_written: bool) -> str:
    """Return an override in the form in which Hydra also accepts a key that no file has written."""
    plain = not (override.is_add() or override.is_force_add() or override.is_delete())
    return f"++{text}" if plain and not is_written else text


def _is_another_distribution(override: Override, parts: list[str], base: dict[str, Any]) -> bool:
    """Tell whether a distribution of one kind takes the place of another: Hydra alone would mix the keys of both."""
    place = place_at(parts, base)
    if place is None or place.model is not Distribution or not isinstance(place.written, dict) or override.is_delete():
        return False
    return any(isinstance(value, dict) and not set(value) <= set(place.written) for value in _values(override))


def _check_is_on(key: str, parts: list[str], base: dict[str, Any], path: Sequence[str]) -> None:
    """Refuse a parameter of an intervention that is not switched on."""
    if parts[0] != "intervention" or len(parts) < 2 or _is_written(base, parts[:2]):
        return
    valid = _options("intervention", path)
    if parts[1] in valid:
        raise ConfigError(f"{key}: this intervention is not switched on; add intervention=[{parts[1]}]")
    raise ConfigError(f"{key}: there is no intervention '{parts[1]}'; {nearest(parts[1], valid)}")


def _check_key(key: str, parts: list[str], base: dict[str, Any], groups: list[str]) -> None:
    """Refuse a key that the language does not have, or a name that the platform does not have."""
    for length in range(1, len(parts) + 1):
        inside, part = parts[: length - 1], parts[length - 1]
        above = place_at(inside, base)
        valid = names_at(inside, base)
        is_name = above is not None and not is_model(above.model)
        known = place_at(parts[:length], base) is not None
        if _is_written(base, parts[:length]) or (known and not (is_name and valid)):
            continue
        names = valid if inside else [*valid, *groups]
        raise ConfigError(f"{key}: unknown key '{part}'{_within(inside)}; {nearest(part, names)}")


def _within(parts: list[str]) -> str:
    return f" in {'.'.join(parts)}" if parts else ""


def _is_written(base: Any, parts: Sequence[str]) -> bool:
    here = base
    for part in parts:
        if isinstance(here, dict):
            key = next((key for key in here if str(key) == part), None)
            if key is None:
                return False
            here = here[key]
        elif isinstance(here, list) and part.isdigit() and int(part) < len(here):
            here = here[int(part)]
        else:
            return False
    return True


# Hydra's exceptions


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn the exceptions of Hydra and OmegaConf into errors of one clear line."""
    try:
        yield
    except HYDRAS_ERRORS as error:
        raise as_config_error(error) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(_broken_file() or f"a configuration file cannot be read: {error}") from None


def _broken_file() -> str | None:
    """The first of the user's files that is no mapping in UTF-8, which Hydra does not name."""
    own = user_folder()
    for path in sorted(own.rglob("*.yaml")) if own else []:
        try:
            loaded = safe_load(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            return f"{path}: expected text in UTF-8"
        except OSError as error:
            return f"{path}: {(error.strerror or str(error)).lower()}"
        except YAMLError:
            continue
        if isinstance(loaded, int | float):
            return f"{path}: expected a mapping (key: value), found {loaded}"
    return None


def as_config_error(error: Exception) -> ConfigError:
    """Return an error of this package for one of Hydra's."""
    if isinstance(error, OverrideParseException):
        return ConfigError(
            f"'{error.override}' is not an override; expected key=value, such as seed=2 or platform=streamflow, "
            "with values that contain spaces or signs in quotes: 'window=\"10 s\"'"
        )
    if isinstance(error, MissingConfigException):
        return _missing_file(error)
    if isinstance(error, MarkedYAMLError):
        return _unreadable(error)
    cause = error.__cause__ or error
    text = " ".join(str(cause).split(" full_key:")[0].splitlines()[0:1]).strip() or str(error)
    packaged = re.search(r"In '([^']+)': Could not override '[^']+@", text)
    if packaged:
        return ConfigError(
            f"{packaged[1]}: a file whose defaults override another group begins with the line '# @package _global_', and "
            "its keys with platform: or demand:, as 'sfmodel new' writes them"
        )
    unknown = re.search(r"Interpolation key '([^']+)' not found", text)
    if unknown:
        key = getattr(cause, "full_key", None)
        return ConfigError(f"{key or 'configuration'}: refers to ${{{unknown[1]}}}, which is not there")
    key = getattr(cause, "full_key", None)
    return ConfigError(f"{key}: {text[0].lower()}{text[1:]}" if key else text)


def _unreadable(error: MarkedYAMLError) -> ConfigError:
    """A file that is no YAML, or names a key twice."""
    mark = error.problem_mark or error.context_mark
    where = f"{mark.name}, line {mark.line + 1}" if mark else "a configuration file"
    return ConfigError(f"{where}: {error.problem or error.context}")


def _missing_file(error: MissingConfigException) -> ConfigError:
    missing = str(error.missing_cfg_file or "")
    group, _, name = missing.rpartition("/")
    if error.options:
        return ConfigError(f"there is no {group or 'configuration'} '{name}'; {nearest(name, error.options)}")
    return ConfigError(" ".join(re.split(r"\.?\s*Config search path", str(error))[0].split()))
