"""Paths: the ways that requests take through a platform, found among those that were traced."""

from sfmodel.paths.request_path import Paths, RequestPath, Step, read_paths
from sfmodel.paths.requests import Requests, read_requests

__all__ = ["Paths", "RequestPath", "Requests", "Step", "read_paths", "read_requests"]
