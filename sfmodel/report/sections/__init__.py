"""Sections of the report, each a file with a function `section(subject)` that returns its parts, or raises `Missing`."""
