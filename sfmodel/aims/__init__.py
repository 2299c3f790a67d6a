"""Aims: what a change of a platform is judged by, as data in `conf/aims/<platform>.yaml`."""

from sfmodel.aims.aims import Aim, Aims, aims_of, measured

__all__ = ["Aim", "Aims", "aims_of", "measured"]
