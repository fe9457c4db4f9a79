"""``porchlight relay``: relays until it is told to stop."""

import argparse
import os
from pathlib import Path

from appliance.cli.journal import log_to_stderr
from appliance.cli.main import add_path_options, paths_of

OPENSSL_SETTINGS = Path(__file__).parent.parent / "relay" / "openssl.cnf"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every service shares."""
    add_path_options(parser)


def run(options: argparse.Namespace) -> int:
    """Relay."""
    # Python has no call for what stands in there. OpenSSL reads it once, when the first module that needs it is loaded.
    os.environ.setdefault("OPENSSL_CONF", str(OPENSSL_SETTINGS))
    from appliance.relay.service import Service

    log_to_stderr()
    Service(paths_of(options)).run()
    return 0
