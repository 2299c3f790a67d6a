"""What is looked for in a run when it is over: a mistake in it should not cost the run."""

from __future__ import annotations


def check_what_is_looked_for(platform: str) -> None:
    """Read the platform's files of rows, panels and stories, which are used when the run is over.

    Raises
    ------
    ConfigError
        There is a mistake in one.
    """
    from sfmodel.figures.panel import read_panels
    from sfmodel.rows.files import file_for
    from sfmodel.rows.rows import read_rows
    from sfmodel.stories import read_stories

    for kind, read in (("rows", read_rows), ("figures", read_panels), ("stories", read_stories)):
        file = file_for(kind, platform)
        if file:
            read(file)
