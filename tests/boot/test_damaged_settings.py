"""The settings file was damaged while the card was off: the card starts and relays, stays shut, and says what is wrong.

Which files there can be is tried by the hundred thousand without a board (``tests/fuzz/test_settings.py``). Here two of
them are on the card when the whole of it starts: once before it has an owner, once afterwards. Neither names any
server, so the card asks for WhatsApp's by their real names; they lead to an address as on the Internet, which is there
in a home of this module's own only. Its board is another one too: to the other tests theirs stays as it was.
"""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.settings import Settings, load
from appliance.status.state import State
from tests.boot.board import Board
from tests.boot.card import Card, unpack
from tests.boot.home import STRANGER, Home
from tests.boot.owner import HOME_PAGE, Owner, claim, sign_in
from tests.boot.person import connect, exchange, media
from tests.boot.test_page import heard_by
from tests.boot.test_system import SERVICES
from tests.boot.test_wrecked import relays
from tests.boot.upstream import MEDIA, MIB, Upstream, answer
from tests.boot.visitor import PAGE_PORT, Visitor

pytestmark = pytest.mark.long

# What plays WhatsApp's part: one more address that a router takes for public (docs/testing.md, "A whole home").
WHATSAPP = "80.200.0.53"
# What a lost cluster leaves: anything, NULs among it.
NOISE = random.Random(4).randbytes(3000) + bytes(600)  # noqa: S311
# Values of the wrong kind, numbers that no computer needs, and its end where the plug was pulled, within a string.
HALF = b"""\
[relay]
workers = %(digits)b
chat_tls_port = "443"
chat_ports = 5222
idle_timeout = -1e999
max_connections = true
[page]
port = [8199]
listen = 18446744073709551616
[lights]
enabled = "perhaps"
[router]
open_ports = 1
[share]
domain = "relay.exam""" % {b"digits": b"9" * 400}
# Pages that are for the owner alone.
SHUT = ("", "share", "settings", "settings/backup", "open")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module")
def home(folder: Path) -> Iterator[Home]:
    """A home of this module's own, whose name server knows WhatsApp's servers."""
    with Home(f"porchlight-damaged-{os.getpid()}", folder, {"whatsapp.net": WHATSAPP}) as home:
        yield home


@pytest.fixture(scope="module")
def upstream(home: Home) -> Iterator[Upstream]:
    upstream = Upstream(home, WHATSAPP)
    upstream.set_reachable(True)
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def card(image: Path, folder: Path) -> Iterator[Card]:
    card = unpack(image, folder / "card.img")
    yield card
    card.path.unlink()


@pytest.fixture(scope="module")
def board(card: Card, home: Home, upstream: Upstream, folder: Path) -> Iterator[Board]:
    """A board that is off."""
    board = Board(card, home, folder)
    yield board
    if board.is_on:
        board.pull_the_plug()


@pytest.fixture(scope="module")
def noisy(board: Board) -> None:
    """The first start of a card, with something in the settings file's place that is no text."""
    start_with(board, NOISE)


@pytest.fixture(scope="module")
def owner(board: Board, noisy: None) -> Owner:
    """Whoever has claimed that card."""
    return claim(board)


@pytest.fixture(scope="module")
def halved(board: Board, owner: Owner) -> None:
    """The next start, with half a file."""
    board.pull_the_plug()
    start_with(board, HALF)


def start_with(board: Board, content: bytes) -> None:
    board.card.write("porchlight.toml", content)
    board.switch_on()
    board.wait_for_port(PAGE_PORT)


def wrong(board: Board) -> set[str]:
    """What is wrong, as anybody at home may know it: without a word of what stands in the file."""
    status = json.loads(Visitor(board.home).get(f"{HOME_PAGE}status.json").body)
    assert all(problem.keys() == {"id", "severity"} for problem in status["problems"])
    return {problem["id"] for problem in status["problems"]}


def is_shut(board: Board, asks_at: str) -> None:
    """Nobody at home gets further than to a question, and nobody outside gets a byte."""
    for path in SHUT:
        page = Visitor(board.home).get(f"{HOME_PAGE}{path}")
        assert page.url.startswith(f"{HOME_PAGE}{asks_at}"), f"{path} has led to {page.url}: {page.text}"
    assert heard_by(board, STRANGER, PAGE_PORT) == b""


def nothing_has_ended(board: Board) -> None:
    """No service has been started twice, nor has anything failed."""
    board.shell.run("systemctl is-system-running --wait", check=False)
    restarts = board.shell.run("systemctl show -p NRestarts --value " + " ".join(SERVICES)).split()
    why = board.shell.run("journalctl -b -p warning --no-pager -o cat", check=False)
    assert restarts == ["0"] * len(SERVICES), f"{dict(zip(SERVICES, restarts, strict=False))}:\n{why}"
    assert board.shell.run("systemctl --failed --no-legend --plain") == "", why
    assert board.console.text.count("Starting kernel") == 1, "the board has started more than once"


def media_passes(board: Board, upstream: Upstream, word: str) -> None:
    said = media(word, MIB)
    with connect(board.home, 587) as person:
        assert exchange(person, said, MIB) == answer(MEDIA)
        upstream.wait_for(said)


# Without a board: otherwise the rest would show nothing.
@pytest.mark.parametrize(("content", "mistakes"), [(NOISE, 1), (HALF, 10)], ids=["noise", "half"])
def test_neither_file_has_anything_that_applies(tmp_path: Path, content: bytes, mistakes: int) -> None:
    paths = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    paths.owner_file.write_bytes(content)
    found = load(paths)
    assert found.settings == Settings()
    assert len(found.problems) == mistakes, [problem.what for problem in found.problems]


def test_with_noise_it_asks_for_the_code_and_shows_nothing(board: Board, noisy: None) -> None:
    assert "settings" in wrong(board)
    Visitor(board.home).get(HOME_PAGE).form_with("code", "password", "again")
    is_shut(board, "claim")


def test_with_noise_it_relays(board: Board, noisy: None, upstream: Upstream) -> None:
    relays(board, upstream, "with noise", (State.WAITING_TO_BE_CLAIMED,))
    media_passes(board, upstream, "pictures, with noise")


def test_with_noise_nothing_has_ended(board: Board, noisy: None) -> None:
    nothing_has_ended(board)


def test_with_noise_the_owner_is_told(board: Board, owner: Owner) -> None:
    page = owner.visitor.get(HOME_PAGE)
    assert "porchlight.toml is not a text file." in page.text
    assert "Put a fresh settings file in its place." in page.text
    assert board.card.read("porchlight.toml") == NOISE, "what the owner wrote is for the owner to mend"


def test_with_half_a_file_it_asks_for_the_password_and_shows_nothing(board: Board, halved: None) -> None:
    assert "settings" in wrong(board)
    Visitor(board.home).get(HOME_PAGE).form_with("password")
    is_shut(board, "login")


def test_with_half_a_file_it_relays(board: Board, halved: None, upstream: Upstream) -> None:
    """The lights say meanwhile that there is a mistake."""
    relays(board, upstream, "with half a file", (State.SETTINGS_MISTAKEN,))
    media_passes(board, upstream, "pictures, with half a file")


def test_with_half_a_file_nothing_has_ended(board: Board, halved: None) -> None:
    nothing_has_ended(board)


def test_with_half_a_file_the_owner_is_told(board: Board, halved: None) -> None:
    visitor = Visitor(board.home)
    sign_in(visitor)
    page = visitor.get(HOME_PAGE)
    assert "porchlight.toml: relay.chat_tls_port must be" in page.text
    assert "'domain = \"relay.exam' cannot be understood" in page.text
