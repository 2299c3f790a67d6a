"""Which platform a command is about: `--platform NAME`, or `platform=NAME` as to `sfmodel run`."""

from __future__ import annotations

import argparse

from sfmodel.errors import ConfigError, nearest


def take_platform(arguments: argparse.Namespace) -> None:
    """Take `platform=NAME` out of the overrides, in the place of --platform, and check that there is such a platform.

    Raises
    ------
    ConfigError
        There is none of this name.
    """
    from sfmodel.cli.compose import options

    named = [word.partition("=")[2] for word in arguments.overrides if word.startswith("platform=")]
    arguments.overrides = [word for word in arguments.overrides if not word.startswith("platform=")]
    arguments.platform = [arguments.platform, *named][-1]
    valid = options("platform")
    if arguments.platform not in valid:
        raise ConfigError(
            f"--platform: there is no platform '{arguments.platform}'; {nearest(arguments.platform, valid)}"
        )
