"""The slow reference: docs/model.md a second time, naively, on SimPy."""

from .record import Reference
from .world import simulate

__all__ = ["Reference", "simulate"]
