"""The update that the build makes, and what the card and the boot script have to agree on with it."""

import configparser
import json
import os
import re
import shutil
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


def certified(folder: Path, name: str) -> tuple[Path, str]:
    """A key for updates, and its certificate, with the fields of the build's own (image/updatekey.py)."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days"]
    command += ["36500", "-subj", f"/CN=porchlight {name}", "-addext", "keyUsage=critical,digitalSignature"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return key, certificate.read_text()


def test_a_new_key_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    """The order of docs/updates.md, "Keys"; a card trusts what was given with --update-certificate when it was made."""
    (old, first), (new, second) = certified(tmp_path, "old"), certified(tmp_path, "new")
    # The release, who signs it, and what its cards trust from then on.
    releases = {
        "0.1.0": (old, first),
        "0.2.0": (old, first + second),
        "0.3.0": (new, second + first),
        "0.4.0": (new, second),
    }
    bundles, keyrings = {}, {}
    for number, (key, certificates) in releases.items():
        folder = tmp_path / number
        folder.mkdir()
        shutil.copyfile(key, folder / "update.key")
        keyrings[number] = folder / "update.pem"
        keyrings[number].write_text(certificates)
        (folder / "system.ext4").write_bytes(os.urandom(65536))
        bundles[number] = folder / "update.raucb"
        image = folder / "system.ext4"
        bundle.make(image, number, 1_800_000_000, folder, folder / "scratch", bundles[number])
    taken = {
        number: [other for other, path in bundles.items() if trusts(keyrings[number], path)] for number in releases
    }
    assert taken == {
        # Whoever still runs this has to take 0.2.0 first: hence --since 0.2.0 for what comes later.
        "0.1.0": ["0.1.0", "0.2.0"],
        "0.2.0": ["0.1.0", "0.2.0", "0.3.0", "0.4.0"],
        "0.3.0": ["0.1.0", "0.2.0", "0.3.0", "0.4.0"],
        # The old key is worth nothing any more.
        "0.4.0": ["0.3.0", "0.4.0"],
    }


def trusts(keyring: Path, path: Path) -> bool:
    """Whether a card with this keyring takes a bundle's signature."""
    done = subprocess.run(["rauc", f"--keyring={keyring}", "info", str(path)], capture_output=True, text=True)
    assert done.returncode == 0 or "signature verification failed" in done.stderr, done.stderr
    return done.returncode == 0


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
