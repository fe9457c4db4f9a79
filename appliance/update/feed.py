"""The release feed: one static JSON file that says which version there is and where its bundle lies.

It is not signed, since the bundle is: whoever forges it can at most withhold an update. ``./build`` writes it.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from appliance import __version__
from appliance.errors import UpdateError
from appliance.files import UNREADABLE
from appliance.text import text
from appliance.update import web
from appliance.update.order import is_address
from appliance.update.version import key, newer

# What this card takes: bundles for other processors or other layouts of the card carry another word.
COMPATIBLE = "porchlight-arm64"
# Bytes; it is a few hundred long.
LONGEST = 65536


@dataclass(frozen=True, slots=True)
class Offer:
    """What the feed offers.

    Args:
        version: of the bundle.
        url: where the bundle lies.
        since: the oldest version that may take it in one step; an older one takes another bundle first.
    """

    version: str
    url: str
    since: str = "0.0.0"


def parse(data: bytes, address: str, compatible: str = COMPATIBLE) -> Offer:
    """Read a feed.

    Args:
        data: the file.
        address: where it was asked for; the bundle's address may be relative to it. Not where redirects led to: a
            release page keeps its files in a store in which they are no neighbours.
        compatible: what this card takes.

    Raises:
        UpdateError: it cannot be understood, or is for other boards.
    """
    try:
        raw: Any = json.loads(data)
        offer = Offer(str(raw["version"]), urljoin(address, str(raw["url"])), str(raw.get("since", "0.0.0")))
        key(offer.version)
        key(offer.since)
        # As root insists, which has it streamed (order.py).
        if not is_address(offer.url):
            raise ValueError("no HTTPS address")
        other = raw.get("compatible") != compatible
    except UNREADABLE as error:
        raise UpdateError(
            text("What %(address)s says about updates cannot be understood.", address=address),
            "No update was installed; the relay is not affected.",
            "Usually this solves itself. If it stays for a week, tell the makers of porchlight.",
        ) from error
    if other:
        raise UpdateError(
            text("The update is not for this kind of device."),
            "It was not installed; the relay is not affected.",
            "Look at the address of the updates in porchlight.toml.",
        )
    return offer


def wanted(offer: Offer, running: str = __version__) -> bool:
    """Whether an offer is newer than what runs, and may be installed over it."""
    return newer(offer.version, running) and not newer(offer.since, running)


def too_far(offer: Offer, running: str = __version__) -> bool:
    """Whether an offer is newer than what runs, and this one is too old to take it in one step."""
    return newer(offer.version, running) and newer(offer.since, running)


def fetch(address: str) -> Offer:
    """Ask for the feed.

    Args:
        address: where it is; redirects are followed.

    Raises:
        UpdateError: it cannot be had, or not be understood.
    """
    return parse(web.read(address, LONGEST + 1), address)
