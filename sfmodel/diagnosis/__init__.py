"""Where a run hurts: what its failures and its time come from, beside how busy everything was, and who dragged down whom."""

from sfmodel.diagnosis.cascades import Cascade, cascades
from sfmodel.diagnosis.edges import Edge
from sfmodel.diagnosis.troubles import Trouble, by_endpoint, troubles

__all__ = ["Cascade", "Edge", "Trouble", "by_endpoint", "cascades", "troubles"]
