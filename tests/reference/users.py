"""Users as agents: sessions and a closed population (section 7)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sfmodel.schema.users import Request, SessionType
from sfmodel.schema.users import Users as Config

from .calls import start_root
from .clock import ARRIVAL
from .demand import Poisson
from .tasks import About, Place

if TYPE_CHECKING:
    from .world import World


class Users:
    """Starts sessions: as a Poisson process, or one for each of a closed population."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sessions = 0
        if self.config.arrivals == "closed":
            for user in range(world.people.population()):
                Session(self, user, user).think_first()
        else:
            Poisson(world, self.rate, lambda: (ARRIVAL, 1, self.sessions, 1), self.start_session)

    @property
    def config(self) -> Config:
        """As it is now."""
        return self.world.platform.users

    def rate(self, time: float) -> float:
        """Session starts per second."""
        return self.config.sessions.rate * self.world.demand(time)

    def start_session(self) -> None:
        """The next session makes its first request."""
        session = Session(self, self.sessions, self.world.people.random_user())
        self.sessions += 1
        session.next_request()


class Session:
    """One user's requests, one after another."""

    def __init__(self, users: Users, number: int, user: int) -> None:
        self.users, self.number, self.user = users, number, user
        self.world = users.world
        self.chance = users.world.chance
        types = self.config.sessions.types
        self.type = list(types)[self.chance.choice([kind.share for kind in types.values()])]
        self.forever = self.config.arrivals == "closed"
        self.left = math.inf if self.forever else self.chance.geometric(self.kind.requests)
        self.number_of_request = self.retries = 0

    @property
    def config(self) -> Config:
        """As it is now."""
        return self.users.config

    @property
    def kind(self) -> SessionType:
        """The session's type, as it is now."""
        return self.config.sessions.types[self.type]

    @property
    def request(self) -> Request:
        """The class of the current request."""
        return self.kind.mix[self.name]

    def order(self) -> tuple[int, ...]:
        """By session number and request number."""
        return (ARRIVAL, 1, self.number, self.number_of_request + 1)

    def think_first(self) -> None:
        """A closed user thinks before the first request."""
        think = self.chance.duration(self.config.think)
        self.world.clock.after(think, self.order(), self.next_request)

    def count(self, what: str) -> None:
        """Count something of the current class of requests."""
        self.world.record.add(what, f"{self.type}.{self.name}")

    # --- requests

    def next_request(self) -> None:
        """A new request: its class and its item are drawn."""
        self.left -= 1
        self.number_of_request += 1
        self.retries = 0
        mix = self.kind.mix
        self.name = list(mix)[self.chance.choice([request.weight for request in mix.values()])]
        self.item = self.world.people.random_item()
        self.ask()

    def ask(self) -> None:
        """Send the current request, for the first time or again."""
        self.count("users_requests")
        self.asked = self.world.clock.now
        service, endpoint = self.request.call.split(".")
        replica = self.world.services[service].choose(self.user)
        about = About(self.user, self.item, self.world.people.topic(self.item), self.request.priority)
        if replica is None:
            self.answered("unavailable")
        else:
            start_root(replica, Place(service, endpoint), about, self.answered)

    def retry(self) -> None:
        """The same request again."""
        self.retries += 1
        self.count("users_retries")
        self.ask()

    # --- answers

    def answered(self, outcome: str) -> None:
        """What the user does after an answer."""
        self.world.record.add("users_outcomes", (f"{self.type}.{self.name}", outcome))
        took = self.world.clock.now - self.asked
        self.world.record.add("users_time", f"{self.type}.{self.name}", took)
        would_view = self.chance.happens(self.request.views)
        patience = None if self.config.patience is None else self.chance.duration(self.config.patience)
        if patience is not None and took > patience:
            self.count("users_abandoned")
            self.lose_view(would_view)
            self.leave(took)
        elif outcome != "ok":
            self.failed(took, would_view)
        else:
            self.good(took, would_view)

    def failed(self, took: float, would_view: bool) -> None:
        """Try again, or give up."""
        retry = self.config.retry
        if self.retries < retry.attempts and self.chance.happens(retry.probability):
            self.world.clock.after(self.chance.duration(retry.after), self.order(), self.retry)
            return
        self.count("users_given_up")
        self.lose_view(would_view)
        if self.chance.happens(self.config.leave.after_failure):
            self.leave(took)
        else:
            self.think(took)

    def good(self, took: float, would_view: bool) -> None:
        """Perhaps a view; go on unless it was too slow."""
        if would_view:
            self.count("views")
        leave = self.config.leave
        if leave.slow is not None and took > leave.slow and self.chance.happens(leave.after_slow):
            self.leave(took)
        else:
            self.think(took)

    def lose_view(self, would_view: bool) -> None:
        """The view that would have happened is lost."""
        if would_view:
            self.count("views_lost")

    def leave(self, took: float) -> None:
        """The session ends; a closed user goes on for ever."""
        if self.forever:
            self.think(took)

    def think(self, took: float) -> None:
        """Think, then make the next request, if there is one."""
        if self.left > 0:
            think = self.chance.duration(self.config.think) + self.config.stretch * took
            self.world.clock.after(think, self.order(), self.next_request)
