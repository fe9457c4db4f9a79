"""``porchlight page``: serves the setup page on the home network until it is told to stop."""

import argparse
import ipaddress

from appliance.cli.journal import log_to_stderr
from appliance.cli.main import add_path_options, paths_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every service shares, and where to listen."""
    add_path_options(parser)
    parser.add_argument(
        "--listen", type=_address, nargs="+", metavar="ADDRESS", default=(), help="addresses, instead of the settings'"
    )
    parser.add_argument("--port", type=_port, metavar="N", help="the port, instead of the settings'")


def run(options: argparse.Namespace) -> int:
    """Serve the page."""
    from appliance.page.service import Service

    log_to_stderr()
    Service(paths_of(options), listen=tuple(options.listen), port=options.port).run()
    return 0


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as 192.168.1.20") from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number from 1 to 65535")
    return int(text)
