"""Failure modes: which small change, for a short time, breaks what a platform promises."""
