"""``porchlight name``: keeps the relay's name right, through inadyn, until it is told to stop."""

import argparse

from appliance.cli.main import add_path_options, paths_of
from appliance.cli.resting import add_rest_option, resting
from appliance.cli.signals import notifier, say, until_signal
from appliance.errors import PorchlightError
from appliance.name.service import Service


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every service shares, and what to do with the time without work."""
    add_path_options(parser)
    add_rest_option(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal says stop."""
    paths, notify = paths_of(options), notifier()
    rest = resting(options, paths.saved_settings, paths.name_status, notify)
    try:
        Service(paths, notify=notify, say=say, rest=rest).run(until_signal())
    except OSError as error:
        raise PorchlightError(
            f"The folder {paths.name_status.parent} cannot be used ({error.strerror}).",
            "The name service cannot start; the relay does not need it.",
            "Choose another one with --run, or start it as the service does.",
        ) from None
    return 0
