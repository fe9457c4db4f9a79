"""The update that the build makes, and what the card and the boot script have to agree on with it."""

import configparser
import json
import re
import subprocess
from pathlib import Path

import pytest

from appliance.update import bundle as appliance_bundle
from appliance.update import disk, feed
from appliance.update.environment import OFFSETS, SIZE
from image import bundle, layout
from image.firmware import SECTOR, boot_script
from image.stages import REPOSITORY, version
from tests.image.card import Card

FILES = REPOSITORY / "image/files"


def test_the_script_has_all_its_numbers() -> None:
    text = boot_script((REPOSITORY / "image/boot.cmd").read_text())
    assert not re.findall(r"@[A-Z_]+@", text)
    assert f"for place in {OFFSETS[0] // SECTOR:x} {OFFSETS[1] // SECTOR:x}; do" in text


def test_copies_lie_in_the_gap_and_apart() -> None:
    assert OFFSETS[0] + SIZE <= OFFSETS[1] <= layout.GAP - SIZE
    assert all(offset % SIZE == 0 for offset in OFFSETS)


def test_rauc_knows_the_slots_of_the_table() -> None:
    config = configparser.ConfigParser()
    config.read(FILES / "etc/rauc/system.conf")
    slots = {config[f"slot.rootfs.{number}"]["bootname"]: config[f"slot.rootfs.{number}"] for number in (0, 1)}
    for name, partition in {"A": layout.SLOT_A, "B": layout.SLOT_B}.items():
        assert slots[name]["device"] == f"/dev/disk/by-partuuid/{partition.partuuid}"
    assert layout.SLOT_A.partuuid == disk.SLOT_A
    assert config["system"]["compatible"] == feed.COMPATIBLE
    assert (FILES / str(appliance_bundle.BUS).lstrip("/")).exists()


def test_manifest() -> None:
    config = configparser.ConfigParser()
    config.read_string(bundle.manifest("1.2.3", 1_800_000_000))
    assert dict(config["update"]) == {"compatible": feed.COMPATIBLE, "version": "1.2.3", "build": "1800000000"}
    assert config["bundle"]["format"] == "verity"


@pytest.fixture(scope="module")
def packed_bundle(packed: Path) -> Path:
    """The bundle beside the card."""
    return packed.with_name(f"porchlight-{version()}-arm64.raucb")


@pytest.mark.image
def test_bundle_is_signed_for_this_card(packed_bundle: Path, card: Card) -> None:
    certificate = packed_bundle.with_name("porchlight-update.pem")
    assert (card.slot() / "etc/rauc/keyring.pem").read_bytes() == certificate.read_bytes()
    command = ["rauc", f"--keyring={certificate}", "info", "--output-format=json", str(packed_bundle)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["compatible"], said["version"]) == (feed.COMPATIBLE, version())
    assert packed_bundle.stat().st_size <= 110_000_000


@pytest.mark.image
def test_feed_offers_the_bundle(packed_bundle: Path) -> None:
    offer = feed.parse(packed_bundle.with_name("update.json").read_bytes(), "https://example.org/x/update.json")
    assert offer == feed.Offer(version(), f"https://example.org/x/{packed_bundle.name}")
