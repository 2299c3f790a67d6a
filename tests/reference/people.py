"""Who asks, and for what: users, tastes, addresses, items, topics (section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .world import World


class People:
    """The population and the content."""

    def __init__(self, world: World) -> None:
        self.world = world
        ranks = np.arange(1, self.items() + 1, dtype=float)
        self.popularity = np.cumsum(ranks**-world.platform.content.popularity)

    def population(self) -> int:
        """Number of users."""
        users = self.world.platform.users
        return self.world.run.users or (1 if users is None else users.population)

    def items(self) -> int:
        """Number of items."""
        return self.world.run.items or self.world.platform.content.items

    def random_user(self) -> int:
        """By activity: ⌊N·U^skew⌋."""
        users = self.world.platform.users
        skew = 1.0 if users is None else users.skew
        return int(self.population() * self.world.chance.uniform() ** skew)

    def random_item(self) -> int:
        """By Zipf's law."""
        threshold = self.world.chance.uniform() * self.popularity[-1]
        return int(np.searchsorted(self.popularity, threshold, side="right"))

    def taste(self, user: int | None) -> int | None:
        """The cluster of a user."""
        return (
            None
            if user is None
            else int(self.world.chance.hashed("taste", user) * self.world.platform.content.clusters)
        )

    def topic(self, item: int | None) -> int | None:
        """The topic of an item."""
        return (
            None
            if item is None
            else int(self.world.chance.hashed("topic", item) * self.world.platform.content.clusters)
        )

    def address(self, user: int | None) -> tuple[str, int] | None:
        """Of the user's block, or of the user alone."""
        users = self.world.platform.users
        if user is None or users is None:
            return None if user is None else ("user", user)
        shared = users.shared_addresses
        block = user // shared.size
        return ("block", block) if self.world.chance.hashed("block", block) < shared.share else ("user", user)
