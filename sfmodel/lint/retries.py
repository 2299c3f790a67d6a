"""How many attempts one request can become when everything fails: the product of all attempts along a path."""

from __future__ import annotations

from dataclasses import dataclass

from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.call_graph import waited_calls
from sfmodel.schema.steps import Call, StepBase
from sfmodel.schema.walk import Parts, endpoint_named, endpoint_parts, steps_within


@dataclass(frozen=True)
class Path:
    """A way from an entry to an endpoint."""

    names: tuple[str, ...]
    factor: int
    keys: tuple[str, ...]
    """Configuration keys that multiply."""
    multiplies: bool
    """Whether its last call does."""


USERS_KEY = "platform.users.retry.attempts"


def check(subject: Subject) -> Section:
    """Return, for each call that is retried, the path along which one request becomes most attempts."""
    worst: dict[str, Path] = {}
    by_hand = 1
    for entry, retries, keys in _entries(subject):
        by_hand = max(by_hand, 1 + retries)
        _follow(subject, Path((entry,), 1 + retries, keys, retries > 0), worst)
    paths = sorted((p for p in worst.values() if p.multiplies and len(p.names) > 1), key=lambda p: (-p.factor, p.names))
    lines = [f"×{by_hand:<3} every request of a user: {USERS_KEY}"] if by_hand > 1 else []
    return Section(
        "Worst-case multiplication by retries",
        lines + [line for path in paths for line in _lines(path)],
        nothing="nothing is retried",
    )


def _lines(path: Path) -> list[str]:
    return [f"×{path.factor:<3} {' → '.join(path.names)}", *(f"       {key}" for key in path.keys)]


def _entries(subject: Subject) -> list[tuple[str, int, tuple[str, ...]]]:
    """(endpoint, retries by hand, their key) of each way in."""
    users = subject.platform.users
    found: dict[str, tuple[str, int, tuple[str, ...]]] = {entry: (entry, 0, ()) for entry in subject.entries}
    if users is not None and users.retry.probability > 0 and users.retry.attempts:
        for kind in users.sessions.types.values():
            for request in kind.mix.values():
                found[request.call] = (request.call, users.retry.attempts, (USERS_KEY,))
    return list(found.values())


def _follow(subject: Subject, path: Path, worst: dict[str, Path]) -> None:
    """Walk on from the end of a path wherever it multiplies more than any seen before."""
    name = path.names[-1]
    if name in worst and worst[name].factor >= path.factor:
        return
    worst[name] = path
    service, _, endpoint_name = name.partition(".")
    endpoint = endpoint_named(subject.platform, name)
    inside = (*endpoint_parts(service, endpoint_name), "steps")
    for placed in steps_within(service, endpoint_name, endpoint.steps if endpoint else [], inside):
        for waited in waited_calls(subject.platform, service, placed.step):
            attempts, keys = _attempts(subject, placed.step, placed.parts)
            longer = Path((*path.names, waited.target), path.factor * attempts, (*path.keys, *keys), attempts > 1)
            _follow(subject, longer, worst)


def _attempts(subject: Subject, step: StepBase, parts: Parts) -> tuple[int, tuple[str, ...]]:
    """Attempts of one call at worst, and the keys that say so; a budget or breaker bounds their share over time."""
    if not isinstance(step, Call):
        return 1, ()
    attempts, keys = 1, []
    if step.retries is not None and step.retries.attempts > 1:
        attempts = step.retries.attempts
        bounds = [name for name, it in (("budget", step.retries.budget), ("breaker", step.breaker)) if it is not None]
        note = f" (bounded by its {' and '.join(bounds)})" if bounds else ""
        keys.append(subject.key((*parts, "retries", "attempts")) + note)
    if step.hedge is not None:
        attempts *= 2
        keys.append(subject.key((*parts, "hedge")))
    return attempts, tuple(keys)
