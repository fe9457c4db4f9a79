"""What listens on the booted card, beside docs/ports.md; how its kernel is set; whom its firewall stops."""

import ipaddress
import re
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from appliance.firewall.rules import ASKING
from appliance.settings.declared import PageSettings
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.eye import Span
from tests.boot.home import NEIGHBOUR, ROUTER

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (\d+) \| (tcp|udp|tcp and udp) \| `([\w-]+)` \| ([^|]+) \|", re.MULTILINE)
# The states of the kernel's include/net/tcp_states.h: TCP_LISTEN, and TCP_CLOSE for a datagram's socket with no peer.
WAITING = {"tcp": "0A", "udp": "07"}
# No port of an upstream's.
ELSEWHERE = 2222
# Who asks by UDP, and how many seconds an answer is waited for at most: by then that socket is gone.
ASKERS, ANSWERED = {"systemd-resolve", "systemd-timesync", "porchlight-router"}, 60.0
# The other table: sockets that see more than what is sent to a port of theirs, by what the kernel lists them as.
RAW_ROW = re.compile(r"^\| `(raw6?|packet)` \| `([0-9a-f]{4})` \| `([\w-]+)` \|", re.MULTILINE)
# What the table says of the resolver.
HERE_ONLY = "the card itself"


def told() -> dict[tuple[str, int], tuple[str, str]]:
    """The table: who listens, and for whom, by protocol and port."""
    found = {}
    for port, protocols, who, whom in ROW.findall((ROOT / "docs/ports.md").read_text()):
        for protocol in protocols.split(" and "):
            found[protocol, int(port)] = (who, whom.strip())
    return found


def sockets(lines: Iterable[str], protocol: str) -> Iterator[tuple[str, int, int, str]]:
    """Protocol, port, user number and address of each socket that waits for somebody: what ``ss -tulne`` shows.

    ``ss`` asks by netlink, for which the card has no modules, and reads these files otherwise; so does this.

    Args:
        lines: of ``/proc/net/tcp`` and the like, head lines included.
        protocol: ``tcp`` or ``udp``.
    """
    for line in lines:
        # sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
        words = line.split()
        if len(words) > 9 and words[3] == WAITING[protocol]:
            address, _, port = words[1].partition(":")
            octets = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
            yield protocol, int(port, 16), int(words[7]), str(ipaddress.ip_address(octets))


def users(board: Board) -> dict[int, str]:
    """The card's users by their number."""
    return {int(line.split(":")[2]): line.split(":")[0] for line in board.shell.run("cat /etc/passwd").splitlines()}


def listening(board: Board) -> set[tuple[str, int, str, str]]:
    """Protocol, port, user and address of each socket on the card that waits for somebody."""
    names = users(board)
    found = set()
    for protocol in WAITING:
        lines = board.shell.run(f"cat /proc/net/{protocol} /proc/net/{protocol}6").splitlines()
        found |= {(kind, port, names[user], address) for kind, port, user, address in sockets(lines, protocol)}
    return found


def test_sockets_are_read_as_the_kernel_writes_them() -> None:
    lines = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 3500007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   991        0 1234 1 00000000 100 0 0 10 0
   1: 324DA8C0:2007 024DA8C0:C350 01 00000000:00000000 00:00000000 00000000   812        0 1235 1 00000000 20 4 30 10 -1
   2: 000080FE00000000FF005450563412FE:2007 00000000000000000000000000000000:0000 0A 0:0 00:0 0   812        0 1236 1 0
""".splitlines()
    assert list(sockets(lines, "tcp")) == [
        ("tcp", 53, 991, "127.0.0.53"),
        ("tcp", 8199, 812, "fe80::5054:ff:fe12:3456"),
    ]


def test_nothing_listens_that_is_not_written_down(board: Board, relaying: Span) -> None:
    table = told()
    assert ("tcp", PageSettings().port) in table

    def unknown() -> set[tuple[str, int, str, str]]:
        found = set()
        for protocol, port, user, address in listening(board):
            who, whom = table.get((protocol, port), ("nobody", ""))
            if user != who or (whom == HERE_ONLY and not address.startswith("127.")):
                found.add((protocol, port, user, address))
        return found

    left = unknown()
    # Whoever asks by UDP waits for an answer, at a port that is another one the next time.
    assert {one for one in left if not asks(*one)} == set()
    deadline = time.monotonic() + ANSWERED
    while left := left & unknown():
        assert time.monotonic() < deadline, left
        time.sleep(1)


def asks(protocol: str, port: int, user: str, address: str) -> bool:
    """Whether this may be a socket of somebody who asks."""
    return protocol == "udp" and port >= int(ASKING.partition("-")[0]) and user in ASKERS


def test_what_is_written_down_listens(board: Board, relaying: Span) -> None:
    found = {(protocol, port) for protocol, port, _, _ in listening(board)}
    # DHCP's own listen only while they ask.
    missing = {key for key, (who, _) in told().items() if who != "systemd-network"} - found
    assert missing == set()


def raw(text: str, kind: str) -> Iterator[tuple[str, str, int]]:
    """Kind, protocol and user number of each socket that no port limits.

    Args:
        text: of ``/proc/net/raw``, ``raw6`` or ``packet``, head line included.
        kind: which of them.
    """
    for line in text.splitlines():
        words = line.split()
        # sl local_address:protocol ... uid, as above; or sk RefCnt Type Proto Iface R Rmem User Inode
        if kind == "packet" and len(words) == 9 and words[0] != "sk":
            yield kind, words[3].lower(), int(words[7])
        elif kind != "packet" and len(words) > 9 and words[0] != "sl":
            yield kind, words[1].rpartition(":")[2].lower(), int(words[7])


def test_raw_sockets_are_read_as_the_kernel_writes_them() -> None:
    packet = """\
sk               RefCnt Type Proto  Iface R Rmem   User   Inode
0000000000000000 3      3    88cc   2     1 0      998    1234
"""
    six = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
  58: 00000000000000000000000000000000:003A 00000000000000000000000000000000:0000 07 0:0 00:0 0  998        0 1237 2 0
"""
    assert list(raw(packet, "packet")) == [("packet", "88cc", 998)]
    assert list(raw(six, "raw6")) == [("raw6", "003a", 998)]


def test_no_socket_sees_more_than_is_written_down(board: Board, relaying: Span) -> None:
    """Raw sockets and those that see whole frames, which no port limits and no ``ss -l`` of ports shows."""
    names, table = users(board), set(RAW_ROW.findall((ROOT / "docs/ports.md").read_text()))
    found = {one for kind in ("raw", "raw6", "packet") for one in raw(board.shell.run(f"cat /proc/net/{kind}"), kind)}
    assert {(kind, protocol, names[user]) for kind, protocol, user in found} - table == set()


def test_the_kernel_is_set_as_the_file_says(board: Board, relaying: Span) -> None:
    lines = (ROOT / "image/files/usr/lib/sysctl.d/90-porchlight.conf").read_text().splitlines()
    wanted = dict(line.split(" = ") for line in lines if line and not line.startswith("#"))
    files = " ".join("/proc/sys/" + name.replace(".", "/") for name in wanted)
    said = board.shell.run(f"for one in {files}; do echo $(cat $one); done").splitlines()
    assert dict(zip(wanted, said, strict=True)) == wanted


def test_no_program_lends_rights(board: Board, relaying: Span) -> None:
    # In /run a status is replaced now and then, and its draft gone before it has been looked at.
    assert (
        board.shell.run("find / /run /var/lib/porchlight -xdev -ignore_readdir_race -type f -perm /6000", BOOT_TAKES)
        == ""
    )
    # Nor by what else a file may carry (capabilities(7)): said of a copy, so that silence means something.
    marked = "cp /usr/bin/true /run/marked; setcap cap_net_raw=ep /run/marked; "
    gone = "grep -v '(No such file or directory)$'"
    said = board.shell.run(f"{marked} getcap -r /usr /etc /var /run 2>&1 | {gone}; rm /run/marked", BOOT_TAKES)
    assert said == "/run/marked cap_net_raw=ep"


def test_the_rules_are_those_of_this_home(board: Board, relaying: Span) -> None:
    rules = board.shell.run("nft list table inet porchlight")
    port = PageSettings().port
    # nft may write a set of one in braces or without.
    router, home = re.escape(ROUTER), re.escape("192.168.77.0/24")
    for whom in (router, f"!= {home}"):
        refused = rf"tcp dport {port} ip saddr (?:!= )?(?:{{ )?{whom}(?: }})? counter .*reject with tcp reset"
        assert re.search(refused, rules), rules
    assert re.search(rf"ip saddr (?:{{ )?{home}(?: }})? tcp dport {port} accept", rules), rules
    assert "nf_conntrack" not in board.shell.run("cat /proc/modules")


@pytest.mark.parametrize(
    ("user", "target"),
    [
        pytest.param("porchlight-relay", NEIGHBOUR, id="the relay, to a neighbour"),
        pytest.param("porchlight-relay", ROUTER, id="the relay, to the router"),
        pytest.param("porchlight-page", NEIGHBOUR, id="the page, to anybody"),
    ],
)
def test_a_service_gets_no_further_than_it_must(board: Board, relaying: Span, user: str, target: str) -> None:
    """Somebody listens there; the card itself refuses, and at once."""
    dial = f"import socket; socket.create_connection(('{target}', {ELSEWHERE}), 5)"
    with board.home.listen(target, ELSEWHERE):
        board.home.inside(lambda: socket.create_connection((target, ELSEWHERE), 5)).close()
        said = board.shell.run(f'setpriv --reuid={user} --clear-groups python3 -c "{dial}" 2>&1', check=False)
    assert "ConnectionRefusedError" in said, said
