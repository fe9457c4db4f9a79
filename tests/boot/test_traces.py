"""People come to a card whose services log all there is to say: none of their addresses is anywhere on it afterwards.

Everything that can be read on the running card is searched (tests/soak/traces.py): the journal, what the kernel says,
each folder in memory, those of the services' own too, and every sector that was ever written to the card itself. A
planted address in each of these places shows that it would be found.
"""

import io
import ipaddress
import re
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.boot.board import BOOT_TAKES, Board
from tests.boot.console import PATIENCE
from tests.boot.eye import Span
from tests.boot.home import STRANGER, TAP
from tests.boot.owner import HOME_PAGE, Owner
from tests.boot.person import chat, connect, exchange, media
from tests.boot.test_sandbox import SERVICES
from tests.boot.upstream import CHAT, MEDIA, Upstream, answer
from tests.boot.visitor import PAGE_PORT, Visitor
from tests.boot.writes import everything_written
from tests.home.household import OUTSIDE, SEEN
from tests.soak.traces import Search

# Minutes of an emulated board, whose services log all there is from then on.
pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
# Somebody at home who is not the owner, and somebody who comes by IPv6; neither address begins another one's text.
GUEST, SIX = "192.168.77.77", "fe80::7:77:9"
# Whom a header tells of.
TOLD = "198.51.100.99"
# What is planted: in the journal, the kernel's words, a folder in memory, a service's own, and on the card.
JOURNAL, KERNEL, MEMORY, OWN, CARD = (f"192.0.2.{number}" for number in range(71, 76))
PLANTED = "/var/lib/porchlight/planted"
PLACE = "/run/talkative"
SOME = 20_000
# What the firewall lets the updater reach, so that much comes from the card: a public web server.
TAKING = (SEEN, 443)


@dataclass(frozen=True, slots=True)
class Found:
    """What was on the card: files by name, and what was written to it."""

    files: dict[str, bytes]
    written: bytes

    def search(self, *addresses: str) -> dict[str, str]:
        """Where one of these addresses stands."""
        search = Search(addresses)
        everything = {**self.files, "the card": self.written}
        told = {name: search.in_data(name.encode() + b"\n" + data) for name, data in everything.items()}
        return {name: said for name, said in told.items() if said}


@pytest.fixture(scope="module")
def talkative(board: Board, relaying: Span, owner: Owner) -> None:
    """Every service logs at every level; it stays so until the power goes, which the next tests take away."""
    shell = board.shell
    shell.run(f"mkdir -p {PLACE}")
    shell.write(f"{PLACE}/talkative.py", (ROOT / "tests/soak/talkative.py").read_text())
    for name in SERVICES:
        unit = f"porchlight-{name}.service"
        folder = f"/run/systemd/system/{unit}.d"
        start = rf"s|^ExecStart=/usr/bin/porchlight|ExecStart=\nExecStart=/usr/bin/python3 {PLACE}/talkative.py|p"
        lines = f"sed -n -e 's/^.Service.$/&/p' -e '{start}' /usr/lib/systemd/system/{unit}"
        shell.run(f"mkdir -p {folder}; {lines} >{folder}/talkative.conf")
    names = " ".join(f"porchlight-{name}" for name in SERVICES)
    shell.run(f"systemctl daemon-reload && systemctl restart {names}", BOOT_TAKES)


@pytest.fixture(scope="module")
def people(board: Board, talkative: None, upstream: Upstream) -> set[str]:
    """Everybody who was there: they chat, send pictures, scan, try the page, and one is there when a worker dies."""
    board.home.add_address(GUEST)
    six = board.home.command("ip", "-6", "address", "add", f"{SIX}/64", "dev", TAP, "nodad")
    subprocess.run(six, check=True)
    for source in (STRANGER, GUEST):
        said = chat(f"{source} leaves no traces", SOME)
        with connect(board.home, 443, with_tls=True, source=source) as person:
            assert exchange(person, said, SOME) == answer(CHAT)[:SOME]
        for port, begin in ((443, b"\x16\x03\x01\xff\xff no hello"), (5222, b"nothing of the kind\r\n\r\n")):
            with connect(board.home, port, source=source) as person:
                person.settimeout(30)
                exchange(person, begin, 0)
        asked = f"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {TOLD}\r\nConnection: close\r\n\r\n".encode()
        with connect(board.home, 80, source=source) as person:
            assert exchange(person, asked, 9) == b"HTTP/1.1 "
        with suppress(ConnectionError):
            board.home.connect(PAGE_PORT, source, 30).close()
    guest = Visitor(board.home, GUEST)
    page = guest.get(HOME_PAGE)
    assert page.status == 200
    assert guest.submit(page, page.form_with("password"), password="not the one").status != 500
    _scan_by_ipv6(board)
    _die_with_somebody_there(board, upstream)
    return {STRANGER, GUEST, SIX, TOLD, OUTSIDE}


def _scan_by_ipv6(board: Board) -> None:
    """Somebody on the cable chats by IPv6, and looks at the page."""
    name = board.shell.run("ls -d /sys/class/net/*/device").split("/")[4]
    own = board.shell.run(f"ip -c=never -6 -o address show dev {name} scope link").split()[3].partition("/")[0]

    def dial(port: int) -> socket.socket:
        there = socket.socket(socket.AF_INET6)
        there.settimeout(PATIENCE)
        scope = socket.if_nametoindex(TAP)
        try:
            there.bind((SIX, 0, 0, scope))
            there.connect((own, port, 0, scope))
        except OSError:
            there.close()
            raise
        return there

    said = chat("by IPv6", SOME)
    with board.home.inside(lambda: dial(5222)) as person:
        assert exchange(person, said, SOME) == answer(CHAT)[:SOME]
    # The page may refuse.
    with suppress(ConnectionError), board.home.inside(lambda: dial(PAGE_PORT)) as person:
        exchange(person, f"GET / HTTP/1.1\r\nHost: {SIX}\r\n\r\n".encode(), 12)


def _die_with_somebody_there(board: Board, upstream: Upstream) -> None:
    """A worker ends as programs with a fault do, in the middle of a stream; another one is forked and serves."""
    main = board.shell.run("systemctl show -p MainPID --value porchlight-relay")
    children = f"cat /proc/{main}/task/{main}/children"
    former = board.shell.run(children).split()
    assert former
    said = media("in the middle of something", SOME)
    with connect(board.home, 587) as person:
        assert exchange(person, said, SOME) == answer(MEDIA)[:SOME]
        board.shell.run(f"kill -ABRT {' '.join(former)}")
        deadline = time.monotonic() + BOOT_TAKES
        while not (now := board.shell.run(children).split()) or set(now) & set(former):
            assert time.monotonic() < deadline, "no other worker takes its place"
            time.sleep(0.5)
    again = media("after a worker's end", SOME)
    with connect(board.home, 587) as person:
        assert exchange(person, again, SOME) == answer(MEDIA)[:SOME]


@pytest.fixture(scope="module")
def found(board: Board, people: set[str]) -> Iterator[Found]:
    """All that is on the card, with a planted address in each place."""
    shell = board.shell
    relay = shell.run("systemctl show -p MainPID --value porchlight-relay")
    octets = "".join(f"\\\\{octet:03o}" for octet in ipaddress.ip_address(MEMORY).packed)
    shell.run(f"echo a visitor from {JOURNAL} | systemd-cat; echo {KERNEL} >/dev/kmsg; printf {octets} >/run/planted")
    shell.run(f"echo {OWN} >/proc/{relay}/root/tmp/planted; echo {CARD} >{PLANTED}; sync")
    # The journal's own file, by its own program: there the longest lines are compressed.
    shell.run("journalctl --sync; journalctl -b -a -o export --no-pager >/run/said-journal; dmesg >/run/said-kernel")
    own = f"$(systemctl show -p MainPID --value {' '.join(f'porchlight-{name}' for name in SERVICES)})"
    folders = f"$(for one in {own}; do echo proc/$one/root/tmp proc/$one/root/var/tmp proc/$one/root/dev/shm; done)"
    send = (
        f"import socket, shutil, sys; s = socket.create_connection({TAKING!r}, 60); "
        "shutil.copyfileobj(sys.stdin.buffer, s.makefile('wb'))"
    )
    updater = "setpriv --reuid=porchlight-update --regid=porchlight-update --clear-groups"
    command = f"tar -C / -cz --exclude=run/log run tmp var/tmp dev/shm var/lib/porchlight {folders} 2>/dev/null"
    with board.home.listen(*TAKING) as taking:
        # In a shell of its own, so that this one does not tell of its end among other answers.
        shell.run(f'( ({command} | {updater} python3 -c "{send}") >/run/sent 2>&1 & )')
        taking.settimeout(PATIENCE)
        connection, _ = taking.accept()
        with connection, connection.makefile("rb") as stream:
            packed = stream.read()
    files = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for one in archive:
            content = archive.extractfile(one) if one.isreg() else None
            files[f"{one.name} {one.linkname}"] = content.read() if content else b""
    yield Found(files, b"".join(map(everything_written, board.logs)))
    shell.run(f"rm -f {PLANTED} /run/planted /run/said-*; sync", check=False)


def test_they_were_there_and_all_of_it_was_logged(found: Found, people: set[str]) -> None:
    """Otherwise there would be nothing to find."""
    journal = found.files["run/said-journal "].decode(errors="replace")
    for name in ("relay", "page", "router"):
        assert f"_SYSTEMD_UNIT=porchlight-{name}.service" in journal
    # As tests/soak/talkative.py writes it, and nothing else: with the name of who says it.
    assert re.search(r"^MESSAGE=[A-Z]+: [a-z_]+\.[a-z_.]+: A relay process ended unexpectedly", journal, re.MULTILINE)


def test_whatever_is_planted_is_found(found: Found) -> None:
    wanted = {JOURNAL: "run/said-journal", KERNEL: "run/said-kernel", MEMORY: "run/planted", CARD: "the card"}
    for address, place in wanted.items():
        assert place in {name.strip() for name in found.search(address)}, address
    assert [name for name in found.search(OWN) if name.startswith("proc/")]


def test_no_address_of_theirs_is_anywhere(found: Found, people: set[str]) -> None:
    assert found.search(*people) == {}


def test_no_core_was_dumped(board: Board, people: set[str]) -> None:
    """A worker had just ended by the signal that asks for one."""
    main = board.shell.run("systemctl show -p MainPID --value porchlight-relay")
    limit = board.shell.run(f"grep '^Max core file size' /proc/{main}/limits").split()
    assert limit[4:6] == ["0", "0"]
    assert board.shell.run("cat /proc/sys/kernel/core_pattern") == "|/bin/false"
