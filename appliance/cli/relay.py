"""``porchlight relay``: relays until it is told to stop."""

import argparse

from appliance.cli.journal import log_to_stderr
from appliance.cli.main import add_path_options, paths_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every service shares."""
    add_path_options(parser)


def run(options: argparse.Namespace) -> int:
    """Relay."""
    from appliance.relay.own_certificate import begin_first

    paths = paths_of(options)
    making = begin_first(paths.relay_state)
    # Last, since it takes about as long as that.
    from appliance.relay.service import Service

    log_to_stderr()
    Service(paths, making=making).run()
    return 0
