"""``porchlight settings``: prints a complete commented settings file."""

import argparse

from appliance.settings.render import commented_file


def add_options(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(options: argparse.Namespace) -> int:
    """Print the file."""
    print(commented_file(), end="")
    return 0
