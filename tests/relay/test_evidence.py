"""Evidence of being reached: which connections count, on which ports, and how coarsely it is told."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.clock import since_boot
from appliance.relay.evidence import bytes_received, outer_addresses
from tests.relay.conftest import StartRelay
from tests.relay.running import MEDIA_HELLO, Relay, Upstream, close_kept, contents, keep, read_exactly, wait_for
from tests.relay.street import NEIGHBOUR, RELAY, ROUTER, STRANGER, Street
from tests.relay.test_wire import HELLO, any_certificate, read_to_end_or_reset

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def header(source: str) -> bytes:
    return f"PROXY TCP4 {source} 192.0.2.1 40000 443\r\n".encode()


def reached(relay: Relay) -> dict[int, int]:
    """When each port was reached, where it was."""
    return {one["port"]: one["reached_outside"] for one in relay.status["ports"] if one["reached_outside"] is not None}


def settled(relay: Relay, connections: int) -> bool:
    """Whether the status was written after so many connections had come."""
    return bool(sum(relay.status["counters"]["connections"].values()) >= connections)


def test_the_kernel_counts_what_has_come_back() -> None:
    listening = keep(socket.create_server(("127.0.0.1", 0)))
    here = keep(socket.create_connection(listening.getsockname()))
    there = keep(listening.accept()[0])
    assert bytes_received(here) == 0
    there.sendall(b"x" * 300)
    assert len(read_exactly(here, 300)) == 300
    # Whoever has read it, and however.
    assert bytes_received(here) == 300
    close_kept()


@pytest.mark.costly
def test_what_comes_through_a_balancer_counts_for_the_address_in_its_header(
    start_relay: StartRelay, upstream: Upstream
) -> None:
    # A worker's look at the clock may be a moment old, and in the minute before: but none is older than the worker.
    before = since_boot()
    relay = start_relay(send_proxy="off")
    # A neighbour's, an own one's and the balancer's own connections are no evidence.
    for source in (NEIGHBOUR, "127.0.0.1", "10.1.2.3"):
        relay.connect(relay.balancer, header(source) + HELLO)
        assert read_exactly(upstream.next(), 4) == HELLO
    relay.connect(relay.balancer, b"PROXY UNKNOWN\r\n" + HELLO)
    assert read_exactly(upstream.next(), 4) == HELLO
    # Whoever only connects, or says nothing that an app says, proves little.
    relay.connect(relay.balancer, header(STRANGER))
    relay.connect(relay.balancer, header(STRANGER) + b"SSH-2.0-x\r\n")
    wait_for(lambda: settled(relay, 6), "all of them to be counted")
    assert reached(relay) == {}
    relay.connect(relay.balancer, header(STRANGER) + HELLO)
    upstream.next()
    wait_for(lambda: reached(relay), "the evidence")
    (found,) = reached(relay).values()
    assert found % 60 == 0
    assert before - 60 <= found <= since_boot()
    assert list(reached(relay)) == [relay.balancer]


def test_media_counts_when_something_came_back(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    client = relay.connect(relay.balanced_media, header(STRANGER) + MEDIA_HELLO)
    server = upstream.next()
    assert read_exactly(server, len(MEDIA_HELLO)) == MEDIA_HELLO
    # Somebody of the home gets an answer on the same port meanwhile.
    relay.connect(relay.balanced_media, header(NEIGHBOUR) + MEDIA_HELLO)
    neighbours = upstream.next()
    neighbours.sendall(b"hello")
    wait_for(lambda: relay.status["counters"]["bytes_to_people"][str(relay.balanced_media)] == 5, "the answer")
    assert reached(relay) == {}
    server.sendall(b"z")
    assert read_exactly(client, 1) == b"z"
    wait_for(lambda: list(reached(relay)) == [relay.balanced_media], "the evidence")


@pytest.mark.costly
def test_a_crowd_that_says_nothing_hides_no_evidence(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    for _ in range(100):
        relay.connect(relay.balanced_media, header(STRANGER))
    client = relay.connect(relay.balanced_media, header(STRANGER) + MEDIA_HELLO)
    upstream.next().sendall(b"z")
    assert read_exactly(client, 1) == b"z"
    wait_for(lambda: reached(relay), "the evidence")


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.costly
def test_a_browser_counts_too(start_relay: StartRelay, secure: bool) -> None:
    relay = start_relay()
    connection = relay.connect(relay.balancer, header(STRANGER))
    browser = keep(any_certificate().wrap_socket(connection)) if secure else connection
    browser.sendall(GET)
    assert b"200 OK" in read_to_end_or_reset(browser)
    wait_for(lambda: list(reached(relay)) == [relay.balancer], "the evidence")


def test_the_home_s_own_outer_address_is_no_evidence(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(send_proxy="off")
    own = relay.folder / "run/router/status.json"
    assert outer_addresses(own) == ()
    own.parent.mkdir()
    for damaged in ("", "[]", "{}", '{"outer": 1, "seen": null}'):
        own.write_text(damaged)
        assert outer_addresses(own) == ()
    own.write_text('{"written": 1.0, "verdict": "mapped", "outer": "198.51.100.7", "seen": ""}')
    assert outer_addresses(own) == ("198.51.100.7",)
    relay.connect(relay.balancer, header("198.51.100.7") + HELLO)
    upstream.next()
    wait_for(lambda: settled(relay, 1), "it to be counted")
    assert reached(relay) == {}
    relay.connect(relay.balancer, header(STRANGER) + HELLO)
    upstream.next()
    wait_for(lambda: reached(relay), "the evidence")


@pytest.mark.costly
def test_it_outlives_new_settings_and_a_restart(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(send_proxy="off", workers=2)
    relay.connect(relay.balancer, header(STRANGER) + HELLO)
    upstream.next()
    former = wait_for(lambda: reached(relay), "the evidence")
    relay.settings["idle_timeout"] = 100
    relay.write_settings()
    close_kept()
    wait_for(lambda: len(relay.workers()) == 2 and relay.status["connections"] == 0, "new workers")
    assert reached(relay) == former
    relay.stop()
    relay.start()
    assert reached(relay) == former


def test_no_address_is_in_any_file(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(send_proxy="off")
    relay.connect(relay.balancer, header(STRANGER) + HELLO)
    upstream.next()
    wait_for(lambda: reached(relay), "the evidence")
    for file, data in contents(relay.folder):
        assert STRANGER.encode() not in data, file


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with Street(tmp_path_factory.mktemp("street")) as found:
        yield found


@pytest.mark.costly
@pytest.mark.namespaces
@pytest.mark.parametrize("who", [NEIGHBOUR, ROUTER, STRANGER])
def test_without_a_balancer_the_peers_own_address_counts(
    street: Street, tmp_path: Path, certificate_file: Path, who: str
) -> None:
    folder = tmp_path / "relay"
    (folder / "state/relay").mkdir(parents=True)
    (folder / "state/relay/certificate.pem").write_bytes(certificate_file.read_bytes())
    upstream = street.home.listen("127.0.0.5", 5222)
    relay = Relay(folder, None, listen=[RELAY], send_proxy="off")
    relay.program = street.program
    relay.upstreams = {name: ["127.0.0.5:5222"] for name in ("chat", "http", "media")} | {"allow_private": True}
    relay.start()
    try:
        street.connect(who, relay.media).sendall(MEDIA_HELLO)
        street.connect(who, relay.chat).sendall(HELLO)
        arrived = 0
        while arrived < 2:
            connection = keep(upstream.accept()[0])
            if connection.recv(1):
                connection.sendall(b"y")
                arrived += 1
        if who == NEIGHBOUR:
            wait_for(lambda: relay.status["counters"]["bytes_to_people"][str(relay.media)], "the answer")
            wait_for(lambda: settled(relay, 2), "the status")
            assert reached(relay) == {}
        else:
            wait_for(lambda: set(reached(relay)) == {relay.media, relay.chat}, "the evidence")
        assert STRANGER not in json.dumps(relay.status)
    finally:
        close_kept()
        relay.stop()
        upstream.close()
