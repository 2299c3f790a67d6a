"""Where a run hurts: what its failures and its time come from, beside how busy everything was."""

from sfmodel.diagnosis.troubles import Trouble, by_endpoint, troubles

__all__ = ["Trouble", "by_endpoint", "troubles"]
