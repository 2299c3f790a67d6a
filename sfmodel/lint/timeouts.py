"""Callers that give up before their callees do: work that goes on for nobody."""

from __future__ import annotations

from sfmodel.lint.durations import written
from sfmodel.lint.paths import call_s, timeout_of
from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.call_graph import waited_calls
from sfmodel.schema.steps import Call, Choose, Fork, Hold, Lookup, Step, StepBase
from sfmodel.schema.walk import endpoint_named, steps_of


def check(subject: Subject) -> Section:
    """Compare each timeout with the time its callee takes, and with the time its callee may wait for others."""
    lines: list[str] = []
    for placed in steps_of(subject.platform):
        timeout_s = timeout_of(subject.platform, placed.service, placed.step)
        for waited in waited_calls(subject.platform, placed.service, placed.step):
            if timeout_s is not None:
                text = _finding(subject, placed.step, waited.target, timeout_s)
                lines += [f"{_key(subject, placed.parts, placed.step)}: {text}"] if text else []
    return Section("Callers that give up before their callees", lines)


def _key(subject: Subject, parts: tuple[str, ...], step: StepBase) -> str:
    """The key of the timeout itself; a cache's timeout is named by the step that uses it."""
    if not isinstance(step, Call):
        return subject.key(parts)
    return subject.key((*parts, "timeout" if step.timeout is not None else "deadline"))


def _finding(subject: Subject, step: StepBase, target: str, timeout_s: float) -> str | None:
    unbounded = step.model_copy(update={"timeout": None, "deadline": None}) if isinstance(step, Call) else step
    mean_s = call_s(subject.platform, target, unbounded, subject.hit, subject.visits)
    if timeout_s <= mean_s:
        return f"{written(timeout_s)} is not more than {target} takes on average, {written(mean_s)} without queueing"
    longest_s = longest_wait_s(subject, target)
    if timeout_s <= longest_s:
        return f"{written(timeout_s)}, but {target} may itself wait {written(longest_s)} for what it calls, and goes on"
    return None


def longest_wait_s(subject: Subject, name: str) -> float:
    """Return how long an endpoint may take: its own times, and its calls up to their timeouts."""
    endpoint = endpoint_named(subject.platform, name)
    service = name.partition(".")[0]
    own_s = subject.visits[name].response_s
    return max(own_s, _longest(subject, service, endpoint.steps)) if endpoint else own_s


def _longest(subject: Subject, service: str, steps: list[Step]) -> float:
    """Sum over a list of steps; of branches, the longest. Handlers of failures come on top and are left out."""
    return sum(_longest_step(subject, service, step) for step in steps)


def _longest_step(subject: Subject, service: str, step: StepBase) -> float:
    if isinstance(step, Hold):
        return _longest(subject, service, step.do)
    if isinstance(step, Choose):
        return max(_longest(subject, service, branch.do) for branch in step.choose)
    if isinstance(step, Fork):
        return max(_longest(subject, service, branch) for branch in step.fork)
    inner = 0.0
    if isinstance(step, Lookup):
        inner = max(_longest(subject, service, step.on_hit), _longest(subject, service, step.on_miss))
    if isinstance(step, Call):
        inner = _longest(subject, service, step.on_ok or [])
    return inner + sum(
        _longest_call(subject, service, step, w.target) for w in waited_calls(subject.platform, service, step)
    )


def _longest_call(subject: Subject, service: str, step: StepBase, target: str) -> float:
    """All attempts up to their timeouts, or what the callee may take where there is none."""
    if not isinstance(step, Call):
        bound = timeout_of(subject.platform, service, step)
        return bound if bound is not None else longest_wait_s(subject, target)
    if step.deadline is not None:
        return step.deadline
    one_s = step.timeout if step.timeout is not None else longest_wait_s(subject, target)
    return one_s * (step.retries.attempts if step.retries else 1)
