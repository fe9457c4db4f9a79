"""``porchlight certificate``: gets and renews a publicly trusted certificate, if the settings ask for one."""

import argparse

from appliance.certificate.service import Service
from appliance.cli.main import add_path_options, paths_of
from appliance.cli.resting import add_rest_option, resting
from appliance.cli.signals import notifier, say, until_signal
from appliance.errors import PorchlightError


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every service shares, and what to do with the time without work."""
    add_path_options(parser)
    add_rest_option(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal says stop."""
    paths, notify = paths_of(options), notifier()
    rest = resting(options, paths.saved_settings, paths.certificate_status, notify)
    try:
        Service(paths, notify=notify, say=say, rest=rest).run(until_signal())
    except OSError as error:
        raise PorchlightError(
            f"The folders {paths.certificate_state} and {paths.certificate_run} cannot be used ({error.strerror}).",
            "The certificate service cannot start; the relay keeps the certificate that it has.",
            "Choose others with --state and --run, or start it as the service does.",
        ) from None
    return 0
