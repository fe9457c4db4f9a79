"""One board for all tests: switched on once, and looked at from outside."""

import os
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.status.state import State
from tests.boot import release
from tests.boot.board import BOOT_TAKES, BUTTON, Board
from tests.boot.card import Card, unpack
from tests.boot.console import Console
from tests.boot.eye import RELAYS, Span
from tests.boot.home import MEDIA_SERVERS, UPSTREAM, Home
from tests.boot.owner import Owner, become_owner
from tests.boot.release import HOLLOW, NEWER, PLACE, Server
from tests.boot.upstream import CHAT, HTTP, MEDIA, Upstream

ROOT = Path(__file__).parent.parent.parent
# What the owner would write for a laboratory with a button; nothing else on the card is touched. One of WhatsApp's
# servers has a name, as all have on a real card, so that the card looks it up.
SETTINGS = f"""
[relay.upstream]
chat = ["{UPSTREAM}:{CHAT}"]
http = ["{UPSTREAM}:{HTTP}"]
media = ["{MEDIA_SERVERS}:{MEDIA}"]
allow_private = true

[update]
feed = "{PLACE}/update.json"

[lights]
button_gpio = {BUTTON}
"""
WIFI_PASSWORD = "correct horse"
# Without a country: the password is hidden, and the radio stays off.
WIFI = f"""
[wifi]
ssid = "home"
password = "{WIFI_PASSWORD}"
"""
# As macOS and Windows leave them on whatever they see. With them the names of the settings file and of its draft stand
# in two sectors of the folder (appliance/fat.py).
LEFT_BY_COMPUTERS = (".Spotlight-V100", ".fseventsd", ".Trashes", "AUTORUN.INF", "DESKTOP.INI")
# Seconds within which the relay has noticed that its upstream has come or gone, on a busy machine.
NOTICED = 90.0
# What the emulated serial port keeps (BCM2835_AUX_RX_FIFO_LEN); one of them would be enough to stop Debian's U-Boot.
KEYS = 8


@pytest.fixture(scope="session")
def image() -> Path:
    """The image that ./build wrote."""
    found = list((ROOT / "dist").glob("porchlight-*-arm64.img.xz"))
    assert len(found) == 1, f"there should be one image in dist/, and there are {len(found)}: run ./build, or ./test"
    return found[0]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For logs, sockets and the card."""
    return tmp_path_factory.mktemp("board")


@pytest.fixture(scope="session")
def home(folder: Path) -> Iterator[Home]:
    """The home network, with the router switched on."""
    with Home(f"porchlight-{os.getpid()}", folder) as home:
        home.offer_mappings()
        yield home


@pytest.fixture(scope="session")
def upstream(home: Home) -> Iterator[Upstream]:
    """What stands in for WhatsApp; nobody can reach it yet."""
    upstream = Upstream(home)
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def card(image: Path, folder: Path) -> Iterator[Card]:
    """A freshly flashed card, with a laboratory's upstream in its settings file."""
    card = unpack(image, folder / "card.img")
    card.write("porchlight.toml", card.read("porchlight.toml") + SETTINGS.encode() + WIFI.encode())
    for name in LEFT_BY_COMPUTERS:
        card.write(name, b"\n")
    yield card
    card.path.unlink()


def lean_on_the_keyboard(console: Console) -> None:
    """Press a key again and again; nothing that comes before the kernel may wait for one.

    What nobody reads stays in the emulated port, which the kernel empties when it opens it. Were there more keys than
    fit in, the rest would come afterwards, and their echo beside systemd's settings for the terminal: of those QEMU
    7.2 takes the upper half of the speed for the word which interrupts are wanted (hw/char/bcm2835_aux.c has no DLAB),
    none for sending is left, and systemd waits for ever until it has sent its first line.
    """
    with suppress(OSError):
        for _ in range(KEYS):
            console.send("\r")
            time.sleep(0.3)


@pytest.fixture(scope="session")
def board(card: Card, home: Home, upstream: Upstream, folder: Path) -> Iterator[Board]:
    """The board, just switched on; its cable is not in yet."""
    board = Board(card, home, folder, recorded=1)
    board.switch_on(cable=False)
    threading.Thread(target=lean_on_the_keyboard, args=(board.console,), daemon=True).start()
    yield board
    if board.is_on:
        board.pull_the_plug()
    for file in (board.first, *board.logs):
        file.unlink()


@pytest.fixture(scope="session")
def system(image: Path, folder: Path) -> Path:
    """The file system of the update that ships."""
    return release.unpack(image.with_name(image.name.replace(".img.xz", ".raucb")), folder / "unpacked")


@pytest.fixture(scope="session")
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
    release.pack(release.too_large(folder / "large.ext4"), there / "large.raucb", NEWER, keys)
    return there


@pytest.fixture(scope="session")
def server(home: Home, offered: Path) -> Iterator[Server]:
    """The web server that offers them."""
    server = Server(home, offered)
    yield server
    server.close()


@pytest.fixture(scope="session")
def no_network(board: Board) -> Span:
    """When the lights showed that the cable was missing."""
    return board.eye.wait_for(State.NO_NETWORK, BOOT_TAKES)


@pytest.fixture(scope="session")
def unreachable(board: Board, no_network: Span) -> Span:
    """When the lights showed, with the cable in, that the upstream cannot be reached."""
    board.plug_in_the_cable()
    return board.eye.wait_for(State.UPSTREAM_UNREACHABLE, 2 * NOTICED, since=no_network.end)


@pytest.fixture(scope="session")
def waiting(board: Board, upstream: Upstream, unreachable: Span) -> Span:
    """When the lights showed, after that, that the board works and waits for its owner."""
    upstream.set_reachable(True)
    return board.eye.wait_for(State.WAITING_TO_BE_CLAIMED, NOTICED, since=unreachable.end)


@pytest.fixture(scope="session")
def owner(board: Board, waiting: Span) -> Owner:
    """The card's owner, who has claimed it and set its domain."""
    return become_owner(board)


@pytest.fixture(scope="session")
def relaying(board: Board, waiting: Span, owner: Owner) -> Span:
    """When the lights showed, after that, that the board relays."""
    return board.eye.wait_for(RELAYS, NOTICED, since=waiting.end)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the board printed last beside each failure."""
    report = yield
    board = getattr(item, "funcargs", {}).get("board")
    if report.failed and isinstance(board, Board) and board.is_on:
        report.sections.append((f"the board's console, all of it in {board.folder}", board.console.tail()))
    return report
