"""Where a run hurts: what its failures and its time come from, beside how busy everything was, and who dragged down whom."""

from sfmodel.diagnosis.cascades import Cascade, cascades
from sfmodel.diagnosis.critical_path import CriticalPath, critical_paths
from sfmodel.diagnosis.edges import Edge
from sfmodel.diagnosis.held_time import HeldTime, held_times
from sfmodel.diagnosis.laws import LawCheck, operational_laws
from sfmodel.diagnosis.troubles import Trouble, by_endpoint, troubles
from sfmodel.diagnosis.use_red import ServiceRed, StationUse, services_red, stations_use

__all__ = [
    "Cascade",
    "CriticalPath",
    "Edge",
    "HeldTime",
    "LawCheck",
    "ServiceRed",
    "StationUse",
    "Trouble",
    "by_endpoint",
    "cascades",
    "critical_paths",
    "held_times",
    "operational_laws",
    "services_red",
    "stations_use",
    "troubles",
]
