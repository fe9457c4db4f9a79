"""Which addresses the page listens on, and to whom it speaks."""

import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.network.home import Home
from appliance.page.doors import wanted_addresses
from tests.page.conftest import wait_until


def home(*addresses: str) -> Home:
    return Home(tuple(ipaddress.ip_address(one) for one in addresses), (), ())


def test_the_home_networks_addresses_and_loopback_but_none_that_the_world_can_reach() -> None:
    found = wanted_addresses(home("192.168.1.20", "fd00::20", "2001:470::20", "fe80::1"), ())
    assert found == ("127.0.0.1", "::1", "192.168.1.20", "fd00::20")


def test_nor_an_address_of_ipv4_that_the_world_can_reach() -> None:
    assert wanted_addresses(home("80.1.2.20", "2002:5001:214::20"), ()) == ("127.0.0.1", "::1")
    assert wanted_addresses(home("80.1.2.20", "100.64.0.20", "169.254.0.20"), ()) == (
        *("127.0.0.1", "::1"),
        *("100.64.0.20", "169.254.0.20"),
    )


def test_without_a_network_loopback_is_left() -> None:
    assert wanted_addresses(home(), ()) == ("127.0.0.1", "::1")


def test_the_settings_addresses_stand_for_the_home_networks() -> None:
    assert wanted_addresses(home("192.168.1.20"), ("10.0.0.1",)) == ("127.0.0.1", "::1", "10.0.0.1")
    assert wanted_addresses(home("192.168.1.20"), ("0.0.0.0", "::")) == ("0.0.0.0", "::")
    assert wanted_addresses(home(), ("127.0.0.1",)) == ("127.0.0.1", "::1")


ASK = """\
import socket, sys
with socket.create_connection((sys.argv[1], 8199), 20) as peer:
    peer.sendall(f"GET /status.json HTTP/1.1\\r\\nHost: {sys.argv[1]}\\r\\n\\r\\n".encode())
    try:
        print(peer.recv(12).decode())
    except ConnectionResetError:
        print("reset")
"""


class Network:
    """A card in a network namespace of its own; the router and a neighbour in another one."""

    def __init__(self, name: str) -> None:
        self.card, self.others = f"{name}-card", f"{name}-others"

    def run(self, *command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    def on_card(self, *command: str) -> str:
        return self.run("ip", "netns", "exec", self.card, *command)

    def ask(self, source: str, card: str = "192.168.77.20") -> str:
        """What somebody with that source address gets from the page."""
        code = ASK.replace("(sys.argv[1], 8199), 20", f"(sys.argv[1], 8199), 20, ({source!r}, 0)")
        return self.run("ip", "netns", "exec", self.others, sys.executable, "-c", code, card).strip()


@pytest.fixture
def network() -> Iterator[Network]:
    found = Network(f"porchlight-page-{os.getpid()}")
    for name in (found.card, found.others):
        found.run("ip", "netns", "add", name)
    try:
        found.run("ip", "-n", found.card, "link", "add", "eth0", "type", "veth", "peer", "lan0", "netns", found.others)
        for name, link in ((found.card, "lo"), (found.others, "lo"), (found.card, "eth0"), (found.others, "lan0")):
            found.run("ip", "-n", name, "link", "set", link, "up")
        for address in ("192.168.77.1/24", "192.168.77.30/24"):
            found.run("ip", "-n", found.others, "address", "add", address, "dev", "lan0")
        yield found
    finally:
        for name in (found.card, found.others):
            subprocess.run(["ip", "netns", "del", name], check=False)


@pytest.mark.costly
@pytest.mark.namespaces
def test_it_starts_without_a_network_follows_it_and_takes_the_router_for_a_stranger(
    network: Network, tmp_path: Path
) -> None:
    settings = tmp_path / "porchlight.toml"
    settings.touch()
    places = ["--settings", str(settings), "--state", str(tmp_path / "state"), "--run", str(tmp_path / "run")]
    command = ["ip", "netns", "exec", network.card, sys.executable, "-m", "appliance", "page", *places]
    log = tmp_path / "log"
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            wait_until(lambda: "listens on 127.0.0.1" in log.read_text(), "the page starts without a network")
            # The route first, which needs its last word then: a look between the two would find an address and no
            # router yet, and take the router for a neighbour until the next look.
            route = ("default", "via", "192.168.77.1", "dev", "eth0", "onlink")
            network.run("ip", "-n", network.card, "route", "add", *route)
            network.run("ip", "-n", network.card, "address", "add", "192.168.77.20/24", "dev", "eth0")
            wait_until(lambda: "listens on 192.168.77.20" in log.read_text(), "the page follows the network")
            assert network.ask("192.168.77.30") == "HTTP/1.1 200"
            # A router that masquerades passes strangers on under this address. They see not one byte.
            assert network.ask("192.168.77.1") in ("", "reset")
            network.run("ip", "-n", network.card, "address", "add", "192.168.77.21/24", "dev", "eth0")
            wait_until(lambda: "listens on 192.168.77.21" in log.read_text(), "the page follows a new address")
            network.run("ip", "-n", network.card, "address", "del", "192.168.77.21/24", "dev", "eth0")
            wait_until(lambda: "has left 192.168.77.21" in log.read_text(), "the page leaves an old address")
        finally:
            process.terminate()
            process.wait(20)
    lines = [line for line in log.read_text().splitlines() if "listens on" not in line and "has left" not in line]
    assert not [line for line in lines if "192.168" in line or "Traceback" in line], lines
