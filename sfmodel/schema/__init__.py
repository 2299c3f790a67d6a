"""How a platform is written down: validated models of every word of a YAML file."""

from sfmodel.schema.load import parse_run
from sfmodel.schema.platform import Platform
from sfmodel.schema.run import Run

__all__ = ["Platform", "Run", "parse_run"]
