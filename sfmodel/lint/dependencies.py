"""Who calls whom, as a tree from each way in."""

from __future__ import annotations

from sfmodel.lint.durations import written
from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.call_graph import waited_calls
from sfmodel.schema.steps import Call, Publish, Send, StepBase
from sfmodel.schema.walk import endpoint_named, endpoint_parts, steps_within


def check(subject: Subject) -> Section:
    """Return the tree; what was shown once is not unfolded again."""
    lines: list[str] = []
    shown: set[str] = set()
    for entry in subject.entries:
        if entry not in shown:
            lines.append(entry)
            shown.add(entry)
            lines += _below(subject, entry, "", shown)
    return Section("Dependencies", lines, nothing="nobody calls anything: add users or a source")


def edges_of(subject: Subject, name: str) -> list[tuple[str, str]]:
    """Return (target, how it is called) of each endpoint or queue that a script uses, each pair once."""
    service, _, endpoint_name = name.partition(".")
    endpoint = endpoint_named(subject.platform, name)
    edges: dict[tuple[str, str], None] = {}
    parts = (*endpoint_parts(service, endpoint_name), "steps")
    for placed in steps_within(service, endpoint_name, endpoint.steps if endpoint else [], parts):
        for target, how in _edges(subject, service, placed.step):
            edges[target, how] = None
    return list(edges)


def _edges(subject: Subject, service: str, step: StepBase) -> list[tuple[str, str]]:
    if isinstance(step, Send):
        return [(step.send, "sent")]
    if isinstance(step, Publish):
        owner, _, queue = step.publish.partition(".")
        handler = subject.platform.services[owner].queues[queue].handler
        return [(f"{owner}.{handler}", f"queue {queue}")]
    verb = "" if isinstance(step, Call) else type(step).__name__.lower()
    return [(waited.target, _how(step, verb)) for waited in waited_calls(subject.platform, service, step)]


def _how(step: StepBase, verb: str) -> str:
    notes = [verb] if verb else []
    if isinstance(step, Call):
        if step.timeout is not None:
            notes.append(f"timeout {written(step.timeout)}")
        if step.retries is not None:
            notes.append(f"{step.retries.attempts} attempts")
        notes += [name for name in ("throttle", "breaker", "hedge") if getattr(step, name) is not None]
    return ", ".join(notes)


def _below(subject: Subject, name: str, indent: str, shown: set[str]) -> list[str]:
    lines: list[str] = []
    edges = edges_of(subject, name)
    for index, (target, how) in enumerate(edges):
        last = index == len(edges) - 1
        again = target in shown and bool(edges_of(subject, target))
        label = f"{target}{f'  [{how}]' if how else ''}{'  (see above)' if again else ''}"
        lines.append(f"{indent}{'└─ ' if last else '├─ '}{label}")
        if not again:
            shown.add(target)
            lines += _below(subject, target, indent + ("   " if last else "│  "), shown)
    return lines
