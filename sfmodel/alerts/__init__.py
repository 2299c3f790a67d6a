"""Alerts: what operators are told of a run, and when; and the same as rules for Prometheus."""

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.alarms import alarms, evaluable
from sfmodel.alerts.objectives import Objectives, read_objectives

__all__ = ["Alarm", "Objectives", "alarms", "evaluable", "read_objectives"]
