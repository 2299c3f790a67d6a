"""Worlds that runs have in common until a time: kept on disk once, and gone on from by each of them.

`keys` says which runs share what they are made of until then, `kept` writes and reads a world with the windows that were
recorded on the way, `common` makes what is missing. A run that goes on from a world is the run from the beginning, to the bit.
"""

from sfmodel.worlds.common import common_world
from sfmodel.worlds.kept import KeptWorld, restore

__all__ = ["KeptWorld", "common_world", "restore"]
