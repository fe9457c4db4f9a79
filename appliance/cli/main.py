"""The command ``porchlight``: one subcommand for each thing that it can do.

Each subcommand is a module of this package with ``ABOUT``, ``add_options`` and ``run``, imported only when it is
called: the lights must not wait for the page's libraries.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from appliance import __version__
from appliance.errors import PorchlightError
from appliance.paths import Paths

SUBCOMMANDS = {
    "relay": "relay WhatsApp's traffic",
    "page": "serve the setup page on the home network",
    "lights": "show on the lights how the relay is doing",
    "router": "ask the home router to open the relay's ports",
    "name": "keep the relay's name leading to this home, by dynamic DNS",
    "certificate": "get and renew a publicly trusted certificate, if one is wanted",
    "check": "look at the settings and the network, and say in plain words what is wrong",
    "settings": "print a complete settings file with explanations",
    "update": "look for a new version and install it",
    "demo": "run relay, page and lights on this computer, to look at",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        arguments: what stands after the program's name; the process's own when None.

    Returns:
        The exit status: 0 all well, 1 something is wrong, 2 a mistake in the arguments.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    chosen = next((word for word in arguments if word in SUBCOMMANDS), None)
    parser = _parser(chosen)
    options = parser.parse_args(arguments)
    if options.subcommand is None:
        parser.print_help()
        return 2
    try:
        status = int(import_module(f"appliance.cli.{options.subcommand}").run(options))
        sys.stdout.flush()
        return status
    except PorchlightError as error:
        print(f"porchlight: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output, such as head, has seen enough. Python flushes again at its end, so give it a place.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def paths_of(options: argparse.Namespace) -> Paths:
    """The places that the common options name.

    Raises:
        PorchlightError: a settings file was named that is not there.
    """
    if options.settings != Paths().owner_file and not options.settings.is_file():
        raise PorchlightError(
            f"There is no settings file {options.settings}.",
            "porchlight does not start, since it would do something else than you asked for.",
            "Name another one, or make it with: porchlight settings > FILE",
        )
    return Paths(owner_file=options.settings, state=options.state, run=options.run_folder)


def places_here() -> Paths:
    """Where porchlight keeps its files on this machine: the card's own folders, or the user's on any other one.

    Source of the latter: XDG Base Directory Specification 0.8.
    """
    card = Paths()
    home = Path.home()
    state = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "porchlight"
    run = Path(os.environ.get("XDG_RUNTIME_DIR") or home / ".cache") / "porchlight"
    return Paths(
        state=card.state if card.state.is_dir() else state,
        run=card.run if card.run.is_dir() else run,
    )


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="porchlight", description="Keeps WhatsApp reachable where it is blocked.")
    parser.add_argument("--version", action="version", version=f"porchlight {__version__}")
    subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", title="subcommands")
    for name, about in SUBCOMMANDS.items():
        subparser = subparsers.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        if name == chosen:
            import_module(f"appliance.cli.{name}").add_options(subparser)
    return parser


def add_path_options(parser: argparse.ArgumentParser) -> None:
    """The options that every long-running subcommand shares."""
    places = places_here()
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", default=places.owner_file, help="the settings file (%(default)s)"
    )
    parser.add_argument(
        "--state", type=Path, metavar="FOLDER", default=places.state, help="what outlives a reboot (%(default)s)"
    )
    parser.add_argument(
        "--run", type=Path, dest="run_folder", metavar="FOLDER", default=places.run, help="what does not (%(default)s)"
    )
