"""What Raspberry Pi Imager reads: a manifest beside the image, and a list for a repository.

Fields: doc/json-schema/os-list-schema.json of raspberrypi/rpi-imager. ``init_format`` is "none", said aloud: with no
word on it Imager offers host name, Wi-Fi and user, and a card that then ignores them is the most common complaint
about images of others. On this card the settings file does that.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# Imager's names for the boards in image/boards.py: every one of them starts this 64-bit card.
DEVICES = ("pi3-64bit", "pi4-64bit", "pi5-64bit")


@dataclass(frozen=True)
class Packed:
    """One card as it is offered.

    Args:
        file: its name, such as ``porchlight-0.1.0-arm64.img.xz``.
        size: of that file, bytes.
        sha256: of that file, hexadecimal.
        extracted: how large the card is, bytes.
        extracted_sha256: of the card itself.
        epoch: its time, seconds since 1970.
        version: of porchlight.
    """

    file: str
    size: int
    sha256: str
    extracted: int
    extracted_sha256: str
    epoch: int
    version: str


def make(packed: Packed, icon: str, place: str) -> str:
    """The list with this one card, as JSON.

    Args:
        packed: the card.
        icon: the file name of the picture beside it.
        place: the address of the folder where both will be, with a slash at its end; Imager knows no relative ones.
    """
    entry: Mapping[str, Any] = {
        "name": f"porchlight {packed.version}",
        "description": "A relay that keeps WhatsApp reachable for people whose government blocks it. "
        "Settings: the file porchlight.toml on the card.",
        "icon": place + icon,
        "url": place + packed.file,
        "extract_size": packed.extracted,
        "extract_sha256": packed.extracted_sha256,
        "image_download_size": packed.size,
        "image_download_sha256": packed.sha256,
        "release_date": datetime.fromtimestamp(packed.epoch, UTC).date().isoformat(),
        "init_format": "none",
        "architecture": "armv8",
        "devices": list(DEVICES),
    }
    return json.dumps({"os_list": [entry]}, indent=2) + "\n"
