"""From a validated Run to flat arrays: one small program per endpoint, one record per thing."""

from sfmodel.plan.build import Plan, build_plan

__all__ = ["Plan", "build_plan"]
