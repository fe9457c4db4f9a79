"""What nobody needs on a card is not there: programs that lend rights, shells for users, listeners."""

import re
from pathlib import Path

import pytest

from image.layer import NO_SHELL
from tests.image.card import Card

pytestmark = pytest.mark.image

SETUID, SETGID = 0o4000, 0o2000
# dirent of debugfs: inode/mode/user/group/name/size/.
ENTRY = re.compile(r"^/\d+/(\d+)/(\d+)/(\d+)/([^/]+)/")
PROGRAMS = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec", "/usr/lib/systemd", "/usr/lib/porchlight")


def modes(card: Card, folder: str) -> dict[str, int]:
    """Names and modes of a folder's entries on the card."""
    found = {}
    for line in card.ask(2, f"ls -p {folder}").splitlines():
        if match := ENTRY.match(line):
            found[match[4]] = int(match[1], 8)
    return found


def test_no_program_lends_anybody_rights(card: Card) -> None:
    lending = []
    for folder in PROGRAMS:
        entries = modes(card, folder)
        assert entries or folder == "/usr/libexec", folder
        lending += [
            f"{folder}/{name}" for name, mode in entries.items() if mode & 0o100000 and mode & (SETUID | SETGID)
        ]
    assert lending == []


def test_nobody_has_a_shell(card: Card) -> None:
    """Nor a password, as test_card.py shows."""
    lines = [line.split(":") for line in (card.slot() / "etc/passwd").read_text().splitlines()]
    assert {"root", "sync", "nobody", "porchlight-relay"} <= {line[0] for line in lines}
    assert {line[0]: line[6] for line in lines if line[6] != NO_SHELL} == {}


def test_only_porchlight_s_own_rules_are_there(card: Card) -> None:
    slot = card.slot()
    assert (slot / "usr/sbin/nft").exists()
    assert (slot / "usr/lib/porchlight/firewall.nft").exists()
    for name in ("etc/nftables.conf", "usr/lib/systemd/system/nftables.service"):
        assert not (slot / Path(name)).exists()
    modules = {path.name.split(".")[0] for path in (slot / "usr/lib/modules").rglob("*.ko*")}
    assert {"nf_tables", "nft_limit", "nft_reject_inet"} <= modules
    assert "nf_conntrack" not in modules


# What would fetch code, and what it is called where.
FETCHING = ("pip", "pip3", "apt", "apt-get", "curl", "wget", "npm", "git", "ssh", "scp", "ftp", "busybox")


def test_no_program_that_fetches_code_is_there(card: Card) -> None:
    slot = card.slot()
    assert (slot / "usr/bin/rauc").exists()  # the one that may
    found = [
        f"{folder}/{name}" for folder in ("usr/bin", "usr/sbin") for name in FETCHING if (slot / folder / name).exists()
    ]
    found += [str(path) for name in ("pip", "ensurepip") for path in (slot / "usr/lib").glob(f"python3*/**/{name}")]
    assert found == []


# What nobody plugs into it: an appliance without a screen, which takes an update from a USB stick and nothing else.
PLUGGED = ("usbhid", "hid-generic", "firewire-core", "btusb", "snd-usb-audio")


def test_no_driver_for_keyboards_and_no_list_for_cron_is_there(card: Card) -> None:
    slot = card.slot()
    modules = {path.name.split(".")[0] for path in (slot / "usr/lib/modules").rglob("*.ko*")}
    assert "r8152" in modules  # an adapter for the network
    assert not modules & set(PLUGGED)
    assert not [path for path in (slot / "etc").glob("cron*") if path.is_dir()]
