"""What the scenarios of conf/scenario act on, by the names that places have here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sfmodel.rows.files import named_files

_OF_A_SERVICE = ("stations", "limiters", "caches", "queues")


def known_things(services: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Things that each scenario changes, by its name; of those that it takes from another, that one says it.

    Parameters
    ----------
    services
        Of the platform, as they are configured; a scenario that changes what they do not have is of another.
    """
    from omegaconf import OmegaConf

    there, found = frozenset(_named(services)), {}
    for name, path in named_files("scenario").items():
        written: Any = OmegaConf.to_container(OmegaConf.load(path))
        things = frozenset(_things(written)) if isinstance(written, Mapping) else frozenset()
        if things and there.issuperset(thing for thing in things if "." in thing):
            found[name] = things
    return found


def _named(services: Mapping[str, Any]) -> Iterator[str]:
    for service, own in services.items():
        yield f"{service}.memory"
        yield from (f"{service}.{name}" for part in (*_OF_A_SERVICE, "endpoints") for name in own.get(part) or {})


def _things(written: Mapping[str, Any]) -> Iterator[str]:
    scenario = written.get("scenario") or written
    for event in scenario.get("events") or []:
        yield from (thing_of(key) for option in ("set", "scale") for key in event.get(option) or {})
    for source in ((written.get("platform") or {}).get("sources") or {}).values():
        if "call" in source:
            yield str(source["call"])


def thing_of(key: str) -> str:
    """The thing of a key: the station engine.cpu of services.engine.stations.cpu.speed."""
    first, *rest = key.removeprefix("platform.").split(".")
    if first != "services" or not rest:
        return first
    service, *below = rest
    if below[:1] == ["memory"]:
        return f"{service}.memory"
    return f"{service}.{below[1]}" if len(below) > 1 and below[0] in _OF_A_SERVICE else service
