"""Updates on the emulated board: what must not be installed is refused; what is newer is kept when it relays."""

import json
import re
import time
from pathlib import Path

import pytest

from appliance import __version__
from tests.boot import release, sticks
from tests.boot.board import Board
from tests.boot.card import Card
from tests.boot.eye import Span
from tests.boot.release import HOLLOW, PLACE, Server
from tests.boot.updating import (
    AUTHORITIES,
    INSTALLING_TAKES,
    ask_for_update,
    let_it_trust,
    relays,
    remembered,
    status,
    try_it,
    wait_for_word,
    wait_until_off,
)
from tests.boot.upstream import MIB, Upstream

SLOT_B = 3
KEPT = "/var/lib/porchlight/update"
# What the page has taken, or a stick has brought.
UPLOAD = "/var/lib/porchlight/upload"
# Says something once root has been asked to stream a bundle.
ASKED = "journalctl _SYSTEMD_UNIT=porchlight-install.service --no-pager -o cat | grep -m1 'https://.*tampered.raucb'"
# Who wrote a line of the log, and with which capabilities.
WHO = "--no-pager -o json --output-fields=_UID,_CAP_EFFECTIVE"
# Bytes from the beginning of slot B.
STICK_AT = 320 * MIB
# Seconds from putting a stick in to the updater's answer, on an emulated board on a busy machine.
STICK_TAKES = 600.0
# What comes before what was said to each; RAUC writes such signs too, but never first in a line.
EACH = re.compile("^= ", re.MULTILINE)
REFUSED = {
    "truncated": "is damaged or incomplete",
    "foreign": "was not signed by the makers",
    "older": "is older than what runs here",
    "other": "is not for this kind of device",
    "tampered": "is damaged or incomplete",
    "large": "could not be installed",
}


@pytest.fixture(scope="module")
def refused(board: Board, card: Card, relaying: Span, server: Server) -> str:
    """What was said to bundles that must not be installed."""
    assert remembered(card).trial is None
    let_it_trust(board, server)
    fetch = "import sys, urllib.request as w; [w.urlretrieve(f'{sys.argv[1]}/{one}', one) for one in sys.argv[2:]]"
    files = " ".join(f"{name}.raucb" for name in REFUSED)
    # Root is let out by the firewall as little as anybody who has no business there.
    updater = "setpriv --reuid=porchlight-update --regid=porchlight-update --clear-groups"
    command = f'cd /run/stick; SSL_CERT_FILE={AUTHORITIES} {updater} python3 -c "{fetch}" {PLACE} {files}'
    board.shell.run("install -d -o porchlight-update /run/stick")
    board.shell.run(command, INSTALLING_TAKES)
    each = f"for one in {' '.join(REFUSED)}; do echo = $one; porchlight update /run/stick/$one.raucb; done"
    return board.shell.run(each, INSTALLING_TAKES, check=False)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(refused: str, name: str) -> None:
    said = next(part for part in EACH.split(refused) if part.startswith(f"{name}\n"))
    assert f"porchlight: The update {REFUSED[name]}" in said, said


def test_nothing_refused_is_ever_started(card: Card, refused: str) -> None:
    held = remembered(card)
    assert (held.primary, held.trial) == ("A", None)


def test_a_stick_with_a_tampered_and_an_older_bundle_is_refused_and_told(
    board: Board, card: Card, refused: str, offered: Path, folder: Path
) -> None:
    """A socket is all that it takes: udev notices it. The updater, who gets the newer one, sees what was changed."""
    bundles: dict[str, Path | None] = {
        "porchlight-0.0.9-arm64.raucb": offered / "older.raucb",
        f"porchlight-{HOLLOW}-arm64.raucb": offered / "tampered.raucb",
    }
    before = board.shell.run("cut -d' ' -f2 /proc/mounts")
    board.plug_in_a_stick(sticks.fat(folder / "usb-stick", bundles, table=1))
    wait_for_word(board, "The update is damaged or incomplete.", STICK_TAKES)
    said = board.shell.run("journalctl -b --no-pager -o cat -u 'porchlight-stick@*'")
    assert f"Installing version {HOLLOW}: 0 percent." in said
    held = remembered(card)
    assert (held.primary, held.trial) == ("A", None)
    # Nothing of it is left: no file on the card, no mount, no name that speaks of what is on it.
    assert board.shell.run("find /var/lib/porchlight -name '*.raucb'") == ""
    assert board.shell.run("cut -d' ' -f2 /proc/mounts") == before
    # A name that goes away meanwhile makes find complain.
    names = board.shell.run("find /dev/disk -type l -printf '%l\\n' 2>/dev/null", check=False).splitlines()
    assert any("/mmcblk0" in name for name in names), names
    assert not any("/sd" in name for name in names), names


@pytest.fixture(scope="module")
def streamed(board: Board, refused: str, offered: Path) -> dict[str, object]:
    """The status after a damaged bundle that the feed offered, streamed into the other slot."""
    feed = {"version": HOLLOW, "url": "tampered.raucb", "compatible": "porchlight-arm64"}
    (offered / "update.json").write_text(json.dumps(feed))
    # As an earlier version leaves it, whose updater was root.
    board.shell.run(f"touch {KEPT}/looked; chown -R root:root {KEPT}")
    ask_for_update(board, "{}")
    deadline = time.monotonic() + INSTALLING_TAKES
    while (found := status(board))["phase"] != "idle" or not board.shell.run(ASKED, check=False):
        assert time.monotonic() < deadline, found
        time.sleep(1)
    return found


def test_what_is_streamed_is_checked_too(board: Board, card: Card, streamed: dict[str, object]) -> None:
    """By a user of its own, since the firewall lets root out to nobody; so RAUC's sandbox user is in force."""
    assert "is damaged or incomplete" in json.dumps(streamed["said"]), streamed
    held = remembered(card)
    assert (held.primary, held.trial) == ("A", None)


def test_what_an_earlier_version_has_kept_is_the_updater_s(board: Board, streamed: dict[str, object]) -> None:
    owners = board.shell.run(f"stat -c %U {KEPT} {KEPT}/looked").split()
    assert owners == ["porchlight-update"] * 2


def rights(board: Board, service: str) -> tuple[str, int]:
    """User and capabilities of a service, as the log has them of the last line that it wrote."""
    line = board.shell.run(f"journalctl _SYSTEMD_UNIT=porchlight-{service}.service {WHO} | tail -1")
    said = json.loads(line)
    return board.shell.run(f"id -un {said['_UID']}"), int(said["_CAP_EFFECTIVE"], 16)


def test_updater_and_installer_have_no_more_rights_than_they_need(board: Board, streamed: dict[str, object]) -> None:
    assert rights(board, "update") == ("porchlight-update", 0)
    # CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID.
    assert rights(board, "install") == ("root", 1 << 21 | 1 << 7 | 1 << 6)


@pytest.fixture(scope="module")
def updated(
    board: Board, card: Card, relaying: Span, offered: Path, folder: Path, streamed: dict[str, object]
) -> dict[str, object]:
    """A newer version, installed from a file, runs and has been judged: its status."""
    # The emulated network is too slow for a whole system. Behind what is written into a slot there is room for a file
    # system with the bundle; nobody has read there before, so it may be put there while the board is on.
    stick = release.file_system_with(offered / "newer.raucb", folder / "stick")
    card.fill(SLOT_B, stick, STICK_AT)
    # The installer takes its modules away again when it ends.
    board.shell.run("while systemctl is-active porchlight-install | grep -q ing; do sleep 1; done")
    board.shell.run("modprobe loop; mkdir -p /run/stick")
    board.shell.run(f"mount -t squashfs -o ro,loop,offset={STICK_AT} /dev/mmcblk0p3 /run/stick")
    # As a restart, or a power cut, leaves it of a file that somebody has brought, or was just bringing.
    board.shell.run(f"touch {UPLOAD}/update.raucb {UPLOAD}/.update.raucb.new")
    ask_for_update(board, json.dumps({"file": "/run/stick/newer.raucb"}))
    wait_until_off(board, INSTALLING_TAKES)
    return try_it(board, card, "B")


def test_newer_version_is_kept_once_it_relays(
    board: Board, card: Card, upstream: Upstream, updated: dict[str, object]
) -> None:
    assert (updated["outcome"], updated["other_version"]) == ("good", __version__)
    assert "root=PARTUUID=706c6967-03" in board.shell.run("cat /proc/cmdline")
    held = remembered(card)
    assert (held.primary, held.trial, held.left("A")) == ("B", None, 3)
    relays(board, upstream, "after the update")


def test_what_somebody_has_brought_does_not_stay(board: Board, updated: dict[str, object]) -> None:
    assert board.shell.run(f"ls -A {UPLOAD}") == ""


def test_it_was_judged_by_a_stream_through_the_relay_and_the_page(board: Board, updated: dict[str, object]) -> None:
    said = board.shell.run("journalctl -u porchlight-good --no-pager -o cat")
    last = [line for line in said.splitlines() if "Seen(" in line][-1]
    assert "page=True, ports=True, relayed=True" in last, said
    assert last.endswith("; good"), said
    # When the trial began, and before root acted on the verdict.
    noted = board.shell.run("journalctl _SYSTEMD_UNIT=porchlight-record.service --no-pager -o cat").splitlines()
    assert [line.rpartition(": ")[2] for line in noted] == ["no verdict yet", "good"], noted


def test_judge_and_executor_have_no_more_rights_than_they_need(board: Board, updated: dict[str, object]) -> None:
    assert rights(board, "good") == ("porchlight-judge", 0)
    assert rights(board, "record") == ("porchlight-update", 0)
    # Root, and nothing that root could do beyond its own files.
    assert rights(board, "verdict") == ("root", 0)
