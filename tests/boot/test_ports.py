"""What listens on the booted card, beside docs/ports.md; how its kernel is set; whom its firewall stops."""

import re
from pathlib import Path

import pytest

from appliance.firewall.rules import ASKING
from appliance.settings.declared import PageSettings
from tests.boot.board import Board
from tests.boot.eye import Span
from tests.boot.home import NEIGHBOUR, ROUTER, UPSTREAM

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (\d+) \| (tcp|udp|tcp and udp) \| `([\w-]+)` \| ([^|]+) \|", re.MULTILINE)
# What the table says of the page and the resolver.
HERE_ONLY = "the card itself"


def told() -> dict[tuple[str, int], tuple[str, str]]:
    """The table: who listens, and for whom, by protocol and port."""
    found = {}
    for port, protocols, who, whom in ROW.findall((ROOT / "docs/ports.md").read_text()):
        for protocol in protocols.split(" and "):
            found[protocol, int(port)] = (who, whom.strip())
    return found


def listening(board: Board) -> set[tuple[str, int, str, str]]:
    """Protocol, port, user and address of each socket that waits for somebody."""
    names = dict(line.split(":")[2::-2] for line in board.shell.run("cat /etc/passwd").splitlines())
    found = set()
    for line in board.shell.run("ss -tulneH").splitlines():
        words = line.split()
        address, _, port = words[4].rpartition(":")
        user = re.search(r"uid:(\d+)", line)
        found.add((words[0], int(port), names[user[1] if user else "0"], address.strip("[]").partition("%")[0]))
    return found


def test_nothing_listens_that_is_not_written_down(board: Board, relaying: Span) -> None:
    table, first = told(), int(ASKING.partition("-")[0])
    assert ("tcp", PageSettings().port) in table
    unknown = []
    for protocol, port, user, address in listening(board):
        # A datagram's socket above that asks and waits for an answer.
        if protocol == "udp" and port >= first:
            continue
        who, whom = table.get((protocol, port), ("nobody", ""))
        if user != who or (whom == HERE_ONLY and not address.startswith("127.")):
            unknown.append((protocol, port, user, address))
    assert unknown == []


def test_what_is_written_down_listens(board: Board, relaying: Span) -> None:
    found = {(protocol, port) for protocol, port, _, _ in listening(board)}
    # DHCP's own listen only while they ask.
    missing = {key for key, (who, _) in told().items() if who != "systemd-network"} - found
    assert missing == set()


def test_the_kernel_is_set_as_the_file_says(board: Board, relaying: Span) -> None:
    lines = (ROOT / "image/files/usr/lib/sysctl.d/90-porchlight.conf").read_text().splitlines()
    wanted = dict(line.split(" = ") for line in lines if line and not line.startswith("#"))
    files = " ".join("/proc/sys/" + name.replace(".", "/") for name in wanted)
    said = board.shell.run(f"for one in {files}; do echo $(cat $one); done").splitlines()
    assert dict(zip(wanted, said, strict=True)) == wanted


def test_no_program_lends_rights(board: Board, relaying: Span) -> None:
    assert board.shell.run("find / -xdev -type f -perm /6000") == ""


def test_the_rules_are_those_of_this_home(board: Board, relaying: Span) -> None:
    rules = board.shell.run("nft list table inet porchlight")
    port = PageSettings().port
    assert re.search(rf"ip saddr {ROUTER} tcp dport {port} counter .* reject with tcp reset", rules), rules
    assert re.search(rf"ip saddr 192\.168\.77\.0/24 tcp dport {port} accept", rules), rules
    assert "nf_conntrack" not in board.shell.run("cat /proc/modules")


@pytest.mark.parametrize(
    ("user", "target", "port"),
    [
        pytest.param("porchlight-relay", NEIGHBOUR, 22, id="the relay, to a neighbour"),
        pytest.param("porchlight-relay", ROUTER, 22, id="the relay, to the router"),
        pytest.param("porchlight-page", UPSTREAM, 443, id="the page, to anybody"),
    ],
)
def test_a_service_gets_no_further_than_it_must(
    board: Board, relaying: Span, user: str, target: str, port: int
) -> None:
    """It is told at once, by the card itself: nothing goes out, whoever listens there."""
    dial = f"import socket; socket.create_connection(('{target}', {port}), 5)"
    said = board.shell.run(f'setpriv --reuid={user} --clear-groups python3 -c "{dial}" 2>&1', check=False)
    assert "Error: [Errno 113]" in said or "Error: [Errno 13]" in said or "Permission" in said, said
