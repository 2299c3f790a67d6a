"""Alerts: what operators are told of a run, and when; and the same as rules for Prometheus."""

from sfmodel.alerts.burning import Alarm, alarms
from sfmodel.alerts.objectives import Objectives, read_objectives

__all__ = ["Alarm", "Objectives", "alarms", "read_objectives"]
