"""Put the firewall's rules in force, as root: ``python3 -m appliance.firewall``.

Run at boot and whenever the page has seen that settings or network have changed. Before it, and if it fails, the rules
stand that the card brings (``/usr/lib/porchlight/firewall.nft``) or the last ones: nftables takes a script as a whole
or not at all. docs/ports.md says why that is neither open nor closed.
"""

import argparse
import subprocess
import sys
from contextlib import suppress

from appliance.cli.main import add_path_options, paths_of
from appliance.errors import PorchlightError
from appliance.firewall import made_from
from appliance.firewall.rules import rules
from appliance.network.home import look
from appliance.paths import Paths
from appliance.settings import load
from appliance.settings.declared import Settings

NFT = "/usr/sbin/nft"
# Seconds; on an idle Pi 3 it takes a tenth of one.
NFT_TAKES = 60
# How often it begins anew because something has changed meanwhile; the page asks again after that.
ATTEMPTS = 3


def apply(script: str) -> None:
    """Give a script to nftables.

    Args:
        script: as ``rules`` makes it.

    Raises:
        PorchlightError: nothing has changed.
    """
    try:
        done = subprocess.run(
            [NFT, "-f", "-"], input=script, capture_output=True, text=True, check=False, timeout=NFT_TAKES
        )
        said = done.stderr.strip().splitlines()[:3] if done.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        said = [str(error)]
    if said is not None:
        raise PorchlightError(
            f"The firewall's rules were not taken: {' '.join(said)}",
            "The former rules stay. They may let the relay reach less than it needs, and never more than is safe.",
            "Start the card again. If this stays, please report it.",
        )


def follow(paths: Paths) -> None:
    """Make the rules from what is known now, until nothing has changed while they were made.

    Raises:
        PorchlightError: nftables refuses them.
    """
    for _ in range(ATTEMPTS):
        # First of all: whoever asks from now on asks for another time.
        with suppress(FileNotFoundError):
            paths.firewall_request.unlink()
        home = look()
        facts = made_from.digest(home, paths)
        try:
            apply(rules(load(paths).settings, home if home.connected else None))
        except PorchlightError:
            made_from.write(paths.firewall_status, made_from.FAILED)
            raise
        made_from.write(paths.firewall_status, facts)
        if made_from.digest(look(), paths) == facts:
            return


def main() -> int:
    """Run by porchlight-firewall.service."""
    parser = argparse.ArgumentParser(prog="python3 -m appliance.firewall", description=(__doc__ or "").splitlines()[0])
    add_path_options(parser)
    parser.add_argument("--base", action="store_true", help="print the rules that the card brings, and change nothing")
    options = parser.parse_args()
    if options.base:
        sys.stdout.write(rules(Settings(), None))
        return 0
    try:
        follow(paths_of(options))
    except PorchlightError as error:
        print(f"porchlight: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
