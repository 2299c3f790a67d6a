"""The verbs of a script (section 2), looked up in the configuration of the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfmodel.schema import steps as words

from . import caches, calls, forks, queues, tasks
from .clock import TASK, Script
from .stations import Ticket

if TYPE_CHECKING:
    from .tasks import Place, Task


def run_whole(task: Task) -> Script:
    """The script of an endpoint, in its hold if it has one; or one branch of a fork."""
    hold = None if task.branch else task.world.find(task.place).hold
    steps_at = task.place if task.branch else task.place.below("steps")
    if hold is None:
        yield from run_steps(task, steps_at)
    else:
        outcome = yield from in_hold(task, hold, steps_at)
        if outcome != "ok":
            raise tasks.TaskEnds(outcome)


def run_steps(task: Task, place: Place) -> Script:
    """A list of steps in order."""
    for index in range(len(task.world.find(place))):
        yield from run_step(task, place.below(index))


def run_step(task: Task, place: Place) -> Script:
    """One step, unless chance skips it, or its task since nobody waits for it."""
    step = task.world.find(place)
    if step.unless_zombie and task.zombie:
        return
    if task.world.chance.happens(step.with_probability):
        yield from VERBS[type(step)](task, step, place)


def unless_ok(task: Task, step: words.Failing, place: Place, outcome: str) -> Script:
    """After a failure run its handler, or end the task with it."""
    if outcome == "ok":
        return
    for name in (f"on_{outcome}", "on_failure"):
        if getattr(step, name, None) is not None:
            yield from run_steps(task, place.below(name))
            return
    raise tasks.TaskEnds(outcome)


def in_hold(task: Task, station_name: str, body: Place) -> Script:
    """Queue for a server, run the steps, release it; return how the queueing went."""
    station = task.replica.stations[station_name]
    ticket = Ticket(task)
    try:
        outcome = yield from station.until_granted(ticket)
        if outcome == "ok":
            task.held += 1
            try:
                yield from run_steps(task, body)
            finally:
                task.held -= 1
        return outcome
    finally:
        if ticket.state == "serving":
            task.let_go(lambda: station.leave(ticket))
        else:
            station.leave(ticket)


def hold(task: Task, step: words.Hold, place: Place) -> Script:
    """hold: station, do: steps."""
    outcome = yield from in_hold(task, step.hold, place.below("do"))
    yield from unless_ok(task, step, place, outcome)


def use(task: Task, step: words.Use, place: Place) -> Script:
    """use: station, time: D."""
    station = task.replica.stations[step.use]
    ticket = Ticket(task, lambda: task.world.find(place))
    try:
        outcome = yield from station.until_granted(ticket)
    finally:
        if ticket.state == "serving":
            station.cut_short(ticket)
            task.let_go(lambda: station.leave(ticket))
        else:
            station.leave(ticket)
    yield from unless_ok(task, step, place, outcome)


def call(task: Task, step: words.Call, place: Place) -> Script:
    """call: service.endpoint."""
    outcome = yield from calls.call(task, place)
    if outcome == "ok" and step.on_ok is not None:
        yield from run_steps(task, place.below("on_ok"))
    yield from unless_ok(task, step, place, outcome)


def send(task: Task, step: words.Send, place: Place) -> Script:
    """send: service.endpoint."""
    calls.send(task, place, step)
    yield from ()


def fork(task: Task, step: words.Fork, place: Place) -> Script:
    """fork: [[steps], …]."""
    outcome = yield from forks.fork(task, step, place)
    yield from unless_ok(task, step, place, outcome)


def publish(task: Task, step: words.Publish, place: Place) -> Script:
    """publish: service.queue."""
    outcome = queues.find(task, step.publish).publish(task, step.priority)
    yield from unless_ok(task, step, place, outcome)


def lookup(task: Task, step: words.Lookup, place: Place) -> Script:
    """lookup: cache."""
    state = yield from caches.find(task, step.lookup).look(task, place)
    if state == "stale" and step.on_stale is not None:
        yield from run_steps(task, place.below("on_stale"))
    else:
        yield from run_steps(task, place.below("on_miss" if state == "miss" else "on_hit"))


def store(task: Task, step: words.Store, place: Place) -> Script:
    """store: cache."""
    yield from caches.find(task, step.store).store(task, place)


def invalidate(task: Task, step: words.Invalidate, place: Place) -> Script:
    """invalidate: cache."""
    yield from caches.find(task, step.invalidate).invalidate(task, step, place)


def pass_limiter(task: Task, step: words.Pass, place: Place) -> Script:
    """pass: limiter."""
    outcome = yield from task.replica.service.limiters[step.pass_].admit(task)
    yield from unless_ok(task, step, place, outcome)


def sleep(task: Task, step: words.Sleep, place: Place) -> Script:
    """sleep: D."""
    yield task.world.clock.after(task.world.chance.duration(step.sleep), (TASK,))


def choose(task: Task, step: words.Choose, place: Place) -> Script:
    """choose: one branch by chance."""
    index = task.world.chance.choice([branch.probability for branch in step.choose])
    yield from run_steps(task, place.below("choose", index, "do"))


def count(task: Task, step: words.CountStep, place: Place) -> Script:
    """count: counter."""
    task.world.counters[step.count] += step.add
    task.world.record.add("counters", step.count, step.add)
    yield from ()


def return_ok(task: Task, step: words.Return, place: Place) -> Script:
    """return."""
    raise tasks.TaskEnds("ok")
    yield


def fail(task: Task, step: words.Fail, place: Place) -> Script:
    """fail: outcome."""
    raise tasks.TaskEnds(step.fail or "error")
    yield


VERBS: dict[type, Any] = {
    words.Use: use, words.Hold: hold, words.Call: call, words.Send: send, words.Fork: fork,
    words.Publish: publish, words.Lookup: lookup, words.Store: store, words.Invalidate: invalidate,
    words.Pass: pass_limiter, words.Sleep: sleep, words.Choose: choose, words.CountStep: count,
    words.Return: return_ok, words.Fail: fail,
}  # fmt: skip
