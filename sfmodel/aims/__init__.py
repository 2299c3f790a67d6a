"""Aims: what a change of a platform is judged by, as data in `conf/aims/<platform>.yaml`."""

from sfmodel.aims.aims import Aim, aims_of, measured

__all__ = ["Aim", "aims_of", "measured"]
