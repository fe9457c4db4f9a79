"""Updates on the emulated board: installed over HTTPS, tried, kept when they relay; and given up when they do not."""

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import __version__
from appliance.update.disk import Memory
from appliance.update.environment import Environment
from tests.boot import release
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.card import Card
from tests.boot.eye import RELAYS, Span
from tests.boot.home import Home
from tests.boot.person import chat, connect, exchange
from tests.boot.release import PLACE, Server
from tests.boot.upstream import CHAT, MIB, Upstream, answer
from tests.boot.visitor import PAGE_PORT

# Seconds for writing a slot, with an emulated board on a busy machine.
INSTALLING_TAKES = 1500.0
HOLLOW, NEWER = "0.1.1", "0.1.2"
# What somebody would do who broke the relay, and made its judge impatient.
RELAY = "/usr/lib/systemd/system/porchlight-relay.service"
HASTE = "/usr/lib/systemd/system/porchlight-good.service.d/haste.conf"
HASTY = "[Service]\nExecStart=\nExecStart=/usr/bin/porchlight update --trial --patience 20\n"
LAME = "[Service]\nExecStart=/bin/false\n"
SLOT_A, SLOT_B = 2, 3
# Bytes from the beginning of slot B.
STICK_AT = 320 * MIB
# RAUC's curl reads this file, and so does Python when it is told to.
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
STATUS = "cat /run/porchlight/update/status.json"


@pytest.fixture(scope="module")
def system(image: Path, folder: Path) -> Path:
    """The file system of the update that ships."""
    return release.unpack(image.with_name(image.name.replace(".img.xz", ".raucb")), folder / "unpacked")


@pytest.fixture(scope="module")
def offered(system: Path, folder: Path) -> Path:
    """A folder with bundles: a newer one, one without anything to start, and small ones that have to be refused."""
    there = folder / "release"
    there.mkdir()
    keys = release.development_key()
    release.pack(system, there / "newer.raucb", NEWER, keys)
    small = folder / "small.ext4"
    small.write_bytes(os.urandom(256 * 1024))
    whole = release.pack(small, there / "hollow.raucb", HOLLOW, keys).read_bytes()
    (there / "truncated.raucb").write_bytes(whole[: len(whole) // 2])
    middle = len(whole) // 2
    (there / "tampered.raucb").write_bytes(whole[:middle] + bytes(64) + whole[middle + 64 :])
    release.pack(small, there / "foreign.raucb", NEWER, release.foreign_key(folder))
    release.pack(small, there / "older.raucb", "0.0.9", keys)
    release.pack(small, there / "other.raucb", NEWER, keys, compatible="porchlight-riscv")
    return there


@pytest.fixture(scope="module")
def server(home: Home, offered: Path) -> Iterator[Server]:
    """The web server that offers them."""
    server = Server(home, offered)
    yield server
    server.close()


def status(board: Board) -> dict[str, object]:
    """What page and lights read about the update."""
    found = json.loads(board.shell.run(STATUS))
    assert isinstance(found, dict)
    return found


def let_it_trust(board: Board, server: Server) -> None:
    """Put the server's certificate among those of the authorities, in memory."""
    text = base64.b64encode(server.certificate.encode()).decode()
    command = f"echo {text} | base64 -d >>{AUTHORITIES}; systemctl set-environment SSL_CERT_FILE={AUTHORITIES}"
    board.shell.run(command)


def ask_for_update(board: Board, wish: str) -> None:
    """What the page does when its owner presses the button."""
    # A restart must end the emulator's board and not the emulator: then the network adapter can be put in again.
    board.monitor.execute("set-action", reboot="shutdown", shutdown="pause")
    board.shell.run(f"echo '{wish}' >/run/porchlight/page/update.new; cd /run/porchlight/page; mv update.new update")


def wait_until_off(board: Board, timeout: float) -> None:
    """Wait for the restart."""
    deadline = time.monotonic() + timeout
    while board.monitor.execute("query-status")["status"] != "shutdown":
        assert time.monotonic() < deadline, f"no restart in {timeout} s:\n{board.console.tail()}"
        time.sleep(1)


def start_again(board: Board) -> None:
    """What a board does at a restart; the emulated one gets its network adapter anew."""
    board.pull_the_plug()
    board.switch_on()


def remembered(card: Card) -> Environment:
    """What lies on the card."""
    return Memory(card.path).read()


def relays(board: Board, upstream: Upstream, word: str) -> None:
    """A stream through the board reaches the upstream and comes back, byte for byte."""
    board.eye.wait_for(RELAYS, BOOT_TAKES, board.switched_on)
    said = chat(word, MIB)
    with connect(board.home, 443, with_tls=True) as person:
        assert exchange(person, said, MIB) == answer(CHAT)
        upstream.wait_for(said)


@pytest.fixture(scope="module")
def refused(board: Board, card: Card, relaying: Span, server: Server) -> str:
    """What was said to five bundles that must not be installed."""
    assert remembered(card) == Environment(), "an ordinary start has written something"
    let_it_trust(board, server)
    names = "truncated foreign older other tampered"
    fetch = "import sys, urllib.request as w; [w.urlretrieve(f'{sys.argv[1]}/{one}', one) for one in sys.argv[2:]]"
    files = " ".join(f"{name}.raucb" for name in names.split())
    command = f'cd /run; SSL_CERT_FILE={AUTHORITIES} python3 -c "{fetch}" {PLACE} {files}'
    board.shell.run(command, INSTALLING_TAKES)
    # As the unit would: with its drivers.
    board.shell.run("modprobe -a loop nbd dm_verity squashfs")
    each = (
        "for one in truncated foreign older other tampered; do echo; echo $one; porchlight update /run/$one.raucb; done"
    )
    return board.shell.run(each, INSTALLING_TAKES, check=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("truncated", "is damaged or incomplete"),
        ("foreign", "was not signed by the makers"),
        ("older", "is older than what runs here"),
        ("other", "is not for this kind of device"),
        ("tampered", "is damaged or incomplete"),
    ],
)
def test_refused(refused: str, name: str, expected: str) -> None:
    said = next(part for part in refused.split("\n\n") if part.strip().startswith(name))
    assert f"porchlight: The update {expected}" in said, refused


def test_nothing_refused_is_ever_started(card: Card, refused: str) -> None:
    held = remembered(card)
    assert (held.primary, held.trial) == ("A", None)


@pytest.fixture(scope="module")
def hollow(board: Board, card: Card, refused: str, server: Server, offered: Path) -> dict[str, object]:
    """The status after an update, streamed from the feed, in which there is nothing to start."""
    feed = {"version": HOLLOW, "url": "hollow.raucb", "compatible": "porchlight-arm64"}
    (offered / "update.json").write_text(json.dumps(feed))
    ask_for_update(board, "{}")
    wait_until_off(board, INSTALLING_TAKES)
    assert remembered(card).trial == "B"
    start_again(board)
    board.console.wait_for("porchlight: slot B does not start\nporchlight: slot A", BOOT_TAKES)
    board.wait_for_port(PAGE_PORT)
    # What the timer does two minutes after the start.
    board.shell.run("systemctl start porchlight-update", BOOT_TAKES)
    return status(board)


def test_what_does_not_start_gives_way_at_once(card: Card, hollow: dict[str, object]) -> None:
    assert hollow["outcome"] == "failed", hollow
    assert "did not work here" in json.dumps(hollow["said"])
    held = remembered(card)
    assert (held.primary, held.trial, held.left("B")) == ("A", None, 0)


@pytest.fixture(scope="module")
def updated(board: Board, card: Card, hollow: dict[str, object], offered: Path, folder: Path) -> dict[str, object]:
    """A newer version, installed from a file, runs and has been judged: its status."""
    # The emulated network is too slow for a whole system. Behind what is written into a slot there is room for a file
    # system with the bundle; nobody has read there before, so it may be put there while the board is on.
    stick = release.file_system_with(offered / "newer.raucb", folder / "stick")
    card.fill(SLOT_B, stick, STICK_AT)
    board.shell.run(f"mkdir /run/stick; mount -t squashfs -o ro,loop,offset={STICK_AT} /dev/mmcblk0p3 /run/stick")
    ask_for_update(board, json.dumps({"file": "/run/stick/newer.raucb"}))
    wait_until_off(board, INSTALLING_TAKES)
    assert remembered(card).trial == "B"
    start_again(board)
    board.console.wait_for("porchlight: slot B is on trial, 2 tries left after this one", BOOT_TAKES)
    deadline = time.monotonic() + BOOT_TAKES
    while remembered(card).trial:
        assert time.monotonic() < deadline, board.shell.run("journalctl -u porchlight-good --no-pager", check=False)
        time.sleep(1)
    return status(board)


def test_newer_version_is_kept_once_it_relays(
    board: Board, card: Card, upstream: Upstream, updated: dict[str, object]
) -> None:
    assert (updated["outcome"], updated["other_version"]) == ("good", __version__)
    assert "root=PARTUUID=706c6967-03" in board.shell.run("cat /proc/cmdline")
    held = remembered(card)
    assert (held.primary, held.trial, held.left("A")) == ("B", None, 3)
    relays(board, upstream, "after the update")


@pytest.fixture(scope="module")
def fallen_back(
    board: Board, card: Card, updated: dict[str, object], system: Path, folder: Path
) -> tuple[Environment, Environment]:
    """What was remembered after a system that panics, and after one that does not relay; slot B runs again.

    Both are written by hand, since installing has been seen.
    """
    board.pull_the_plug()
    card.fill(SLOT_A, release.without_system(system, folder / "broken.ext4"))
    # Two tries are gone: the third one shows it as well as all three.
    Memory(card.path).write(remembered(card).on_trial("A").with_left("A", 1))
    board.switch_on()
    board.monitor.execute("set-action", reboot="shutdown", shutdown="pause")
    board.console.wait_for("porchlight: slot A is on trial, 0 tries left after this one", BOOT_TAKES)
    wait_until_off(board, BOOT_TAKES)
    board.pull_the_plug()
    after_panic = remembered(card)
    # The same system as it ships, but for its relay.
    card.fill(SLOT_A, release.with_files(system, folder / "lame.ext4", {RELAY: LAME, HASTE: HASTY}))
    Memory(card.path).write(after_panic.on_trial("A"))
    board.switch_on()
    board.monitor.execute("set-action", reboot="shutdown", shutdown="pause")
    wait_until_off(board, BOOT_TAKES)
    after_lame = remembered(card)
    start_again(board)
    return after_panic, after_lame


def test_what_panics_gives_way(fallen_back: tuple[Environment, Environment]) -> None:
    assert (fallen_back[0].primary, fallen_back[0].left("A")) == ("B", 0)


def test_what_does_not_relay_gives_way(fallen_back: tuple[Environment, Environment]) -> None:
    held = fallen_back[1]
    assert (held.primary, held.trial, held.left("A"), held.left("B")) == ("B", None, 0, 3)


def test_former_version_relays_again_and_says_so(
    board: Board, upstream: Upstream, fallen_back: tuple[Environment, Environment]
) -> None:
    relays(board, upstream, "after the fall")
    board.shell.run("systemctl start porchlight-update", BOOT_TAKES)
    found = status(board)
    assert found["outcome"] == "failed", found
