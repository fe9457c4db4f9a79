"""The relay as a service: limits, troubles, and what survives them."""

import os
import resource
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.relay import own_certificate
from tests.relay.conftest import StartRelay
from tests.relay.running import (
    MEDIA_HELLO,
    PATIENCE,
    Relay,
    Stopwatch,
    Upstream,
    close_kept,
    contents,
    free_ports,
    keep,
    read_exactly,
    read_line,
    serving_again,
    wait_for,
)
from tests.relay.test_wire import HELLO, read_to_end_or_reset, tls_connect


@pytest.mark.costly
def test_an_idle_stream_is_closed_at_the_limit(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(idle_timeout=3, send_proxy="off")
    client = relay.connect(relay.chat, HELLO)
    server = upstream.next()
    for _ in range(4):
        time.sleep(1)
        sent = time.monotonic()
        server.sendall(b"x")
        assert client.recv(1) == b"x"
    last = Stopwatch(*relay.workers())
    assert client.recv(1) == b""
    # The limit with five percent, and what a busy test machine adds. The last byte passed between the two moments.
    assert time.monotonic() - sent >= 2.85
    assert last.read() <= 3.15 + 0.5


def assert_refused(relay: Relay) -> None:
    """The relay takes no more; on a busy machine its refusal can come while the client still connects."""
    with suppress(ConnectionResetError):
        assert read_to_end_or_reset(relay.connect(relay.chat)) == b""


@pytest.mark.costly
def test_past_the_limit_a_client_is_refused_at_once(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(max_connections=3, max_connections_per_address=100_000)
    inside = [relay.connect(relay.chat, HELLO) for _ in range(3)]
    servers = [upstream.next() for _ in inside]
    took = Stopwatch(*relay.workers())
    assert_refused(relay)
    assert took.read() < 2
    servers.pop().close()
    inside.pop().close()
    wait_for(lambda: relay.status["connections"] == 2, "a place to become free")
    relay.connect(relay.chat, HELLO)
    upstream.next()
    assert relay.status["max_connections"] == 3


@pytest.mark.costly
def test_one_address_gets_no_more_than_its_share(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(max_connections_per_address=2)
    held = [relay.connect(relay.chat, HELLO) for _ in range(2)]
    for _ in held:
        upstream.next()
    assert_refused(relay)
    other = keep(socket.create_connection(("127.0.0.1", relay.chat), source_address=("127.0.0.2", 0)))
    other.sendall(HELLO)
    assert b"127.0.0.2" in read_line(upstream.next())
    # Behind a balancer the address in the header counts.
    for number in (1, 2):
        relay.connect(relay.balancer, b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\n" + HELLO)
        assert b"203.0.113.7" in read_line(upstream.next()), number
    refused = relay.connect(relay.balancer, b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\n" + HELLO)
    assert read_to_end_or_reset(refused) == b""


@pytest.mark.costly
def test_a_dead_upstream_shows_in_the_status_and_comes_back(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    assert relay.status["upstreams"]["chat"]["reachable"] is True
    upstream.stop()
    took = Stopwatch(*relay.workers())
    assert read_to_end_or_reset(relay.connect(relay.chat, HELLO)) == b""
    assert took.read() < 5
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"] is False, "the trouble to be seen")
    assert "do not answer" in relay.status["upstreams"]["chat"]["trouble"]
    upstream.start()
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"], "the upstream to be back", limit=10)
    relay.connect(relay.chat, HELLO)
    upstream.next()


@pytest.mark.costly
def test_it_starts_and_keeps_running_without_dns(start_relay: StartRelay) -> None:
    names = ["nothing.invalid:5222"]
    relay = start_relay(upstreams={"chat": names, "http": names, "media": names})
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"] is False, "the trouble to be seen")
    assert "cannot be found" in relay.status["upstreams"]["chat"]["trouble"]
    assert read_to_end_or_reset(relay.connect(relay.chat, HELLO)) == b""
    assert relay.process is not None
    assert relay.process.poll() is None


def test_a_private_upstream_is_refused_unless_allowed(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(upstreams={"allow_private": False})
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"] is False, "the trouble to be seen")
    assert "forges" in relay.status["upstreams"]["chat"]["trouble"]
    assert read_to_end_or_reset(relay.connect(relay.chat, HELLO)) == b""
    assert upstream.waiting == 0


@pytest.mark.costly
def test_new_settings_apply_without_dropping_a_stream(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    client = relay.connect(relay.chat, HELLO)
    server = upstream.next()
    read_line(server)
    relay.settings["send_proxy"] = "off"
    (moved,) = free_ports(30)[-1:]
    relay.settings["chat_ports"] = [relay.chat, moved]
    relay.write_settings()
    wait_for(lambda: moved in [one["port"] for one in relay.status["ports"]], "the new port")
    fresh = wait_for(lambda: _connect(moved), "the new port to listen")
    fresh.sendall(HELLO)
    assert read_exactly(upstream.next(), 4) == HELLO
    server.sendall(b"still here")
    assert read_exactly(client, 10) == b"still here"
    connections = relay.status["counters"]["connections"][str(relay.chat)]
    client.close()
    server.close()
    wait_for(lambda: len(relay.workers()) == 1, "the former worker to end")
    assert relay.status["counters"]["connections"][str(relay.chat)] == connections


def _connect(port: int) -> socket.socket | None:
    try:
        return keep(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
    except ConnectionRefusedError:
        return None


@pytest.mark.costly
def test_a_port_in_use_is_named_and_taken_when_free(start_relay: StartRelay, upstream: Upstream) -> None:
    taken = free_ports(25)[-1]
    holder = keep(socket.create_server(("127.0.0.1", taken)))
    relay = start_relay(chat_ports=[taken])
    (trouble,) = (one["trouble"] for one in relay.status["ports"] if one["port"] == taken)
    assert f"Port {taken} is in use by " in trouble
    assert "python" in trouble or "pytest" in trouble
    # The other ports work all the same.
    tls_connect(relay.tls, HELLO)
    upstream.next()
    holder.close()
    wait_for(lambda: not any(one["trouble"] for one in relay.status["ports"]), "the port to be taken")
    client = wait_for(lambda: _connect(taken), "the port to listen")
    client.sendall(HELLO)
    upstream.next()


@pytest.mark.costly
def test_the_certificate_is_made_once_and_kept_private(start_relay: StartRelay) -> None:
    relay = start_relay(fresh=True)
    file = relay.folder / "state/relay/certificate.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_bytes()
    shown = tls_connect(relay.tls).getpeercert(binary_form=True)
    relay.stop()
    relay.start()
    assert file.read_bytes() == first
    assert tls_connect(relay.tls).getpeercert(binary_form=True) == shown


@pytest.mark.costly
@pytest.mark.parametrize("damage", [b"", b"-----BEGIN PRIVATE KEY-----\nnonsense\n"])
def test_a_damaged_certificate_is_put_aside_and_made_anew(start_relay: StartRelay, damage: bytes) -> None:
    relay = start_relay()
    relay.stop()
    file = relay.folder / "state/relay/certificate.pem"
    file.write_bytes(damage)
    relay.start()
    assert tls_connect(relay.tls).version() is not None
    assert file.with_suffix(".damaged").read_bytes() == damage


@pytest.mark.costly
def test_without_a_certificate_the_other_ports_relay(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = Relay(start_relay().folder / "other", upstream, send_proxy="off")
    (relay.folder / "state").mkdir(parents=True)
    # A folder where the file should be: neither readable nor replaceable, as on a damaged card, also for root.
    (relay.folder / "state/relay/certificate.pem/x").mkdir(parents=True)
    (relay.folder / "state/relay/certificate.damaged/x").mkdir(parents=True)
    try:
        relay.start()
        (problem,) = relay.status["problems"]
        assert "could not make its certificate" in problem["what"]
        assert "stays closed" in problem["means"]
        relay.connect(relay.chat, HELLO)
        assert read_exactly(upstream.next(), 4) == HELLO
    finally:
        relay.stop()


@pytest.mark.costly
def test_a_renewed_certificate_is_taken_up_without_dropping_a_stream(
    start_relay: StartRelay, upstream: Upstream, tmp_path: Path
) -> None:
    relay = start_relay(send_proxy="off")
    file = relay.folder / "state/relay/certificate.pem"
    client = tls_connect(relay.tls, HELLO)
    former = client.getpeercert(binary_form=True)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    own_certificate.make(tmp_path)
    renewed = (tmp_path / own_certificate.FILE).read_bytes()
    # Half of it first, as a program that does not know better writes it.
    file.write_bytes(renewed[: len(renewed) // 2])
    (problem,) = wait_for(lambda: relay.status["problems"], "the damage to be seen")
    assert "cannot be used (it is damaged" in problem["what"]
    assert "former one stays in use" in problem["means"]
    assert problem["what"] in relay.log
    assert tls_connect(relay.tls).getpeercert(binary_form=True) == former
    file.write_bytes(renewed)
    wait_for(lambda: not relay.status["problems"], "the problem to be over")
    wait_for(lambda: tls_connect(relay.tls).getpeercert(binary_form=True) != former, "the new certificate")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    server.sendall(b"still here")
    assert read_exactly(client, 10) == b"still here"
    assert not file.with_suffix(".damaged").exists()


@pytest.mark.costly
@pytest.mark.parametrize("damage", ["removed", "other key", "with password"])
def test_a_useless_certificate_changes_nothing(start_relay: StartRelay, tmp_path: Path, damage: str) -> None:
    relay = start_relay()
    file = relay.folder / "state/relay/certificate.pem"
    former = tls_connect(relay.tls).getpeercert(binary_form=True)
    if damage == "removed":
        file.unlink()
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        lock = serialization.NoEncryption() if damage == "other key" else serialization.BestAvailableEncryption(b"x")
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        file.write_bytes(pem + file.read_bytes().partition(b"-----END PRIVATE KEY-----\n")[2])
    wait_for(lambda: relay.status["problems"], "the damage to be seen")
    assert len(relay.workers()) == 1
    assert tls_connect(relay.tls).getpeercert(binary_form=True) == former
    # The next start makes a fresh one.
    relay.stop()
    relay.start()
    assert tls_connect(relay.tls).getpeercert(binary_form=True) != former
    assert not relay.status["problems"]


@pytest.mark.costly
@serving_again
@pytest.mark.parametrize("room", [3, 12])
def test_without_descriptors_it_goes_on_and_says_so_once_a_second(
    start_relay: StartRelay, upstream: Upstream, room: int, within: float
) -> None:
    relay = start_relay(workers=2, send_proxy="off")
    client = relay.connect(relay.chat, HELLO)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    for worker in relay.workers():
        there = max(int(one.name) for one in Path(f"/proc/{worker}/fd").iterdir())
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (there + room, there + room))
    begun = time.monotonic()
    lines = relay.log.count("\n")
    crowd = []
    rounds = 0
    # A busy machine takes longer for as many.
    while time.monotonic() - begun < 5 or rounds < 100:
        rounds += 1
        # Some say nothing, some want a stream to the chat servers, some one to the media servers.
        for port, hello in ((relay.chat, b""), (relay.chat, HELLO), (relay.media, MEDIA_HELLO)):
            with suppress(ConnectionError):
                crowd.append(relay.connect(port, hello))
        server.sendall(b"tick")
        assert read_exactly(client, 4) == b"tick"
        time.sleep(0.01)
    took = time.monotonic() - begun
    wait_for(lambda: relay.counted("refused", "descriptors") > 100, "the refusals to be counted")
    said = relay.log.splitlines()[lines:]
    assert 2 <= len(said) <= took + 2
    assert all("No file descriptor is left" in one for one in said)
    # That this device has nothing left says nothing about the upstream, although probes were asked for.
    assert relay.status["upstreams"]["chat"]["reachable"] is True
    for one in crowd:
        one.close()

    def served() -> bool:
        with suppress(OSError):
            relay.connect(relay.chat, b"WA again")
        for _ in range(upstream.waiting):
            # The upstream ends too, as a server does that sees the end of its client.
            with upstream.next() as one:
                if read_exactly(one, 8) == b"WA again":
                    return True
        return False

    wait_for(served, "it to serve again", limit=within)
    server.sendall(b"still here")
    assert read_exactly(client, 10) == b"still here"


def test_a_mistake_in_the_settings_is_logged_in_plain_words(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(idle_timeout="soon", send_proxy="off")
    assert "relay.idle_timeout must be a number of seconds" in relay.log
    relay.connect(relay.chat, HELLO)
    assert read_exactly(upstream.next(), 4) == HELLO


@pytest.mark.costly
def test_nothing_is_left_of_half_finished_connections(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    wait_for(lambda: relay.status["connections"] == 0, "quiet")
    relay.wait_for_probes()
    before = relay.descriptors()
    hellos = [  # one for each phase
        b"",
        b"W",
        HELLO,
        b"\x16\x03\x01\x00\x05",
        b"\x16\x03\x01" + os.urandom(200),
        b"GET ",
        b"PROXY TCP4 ",
        b"\xff",
    ]
    crowd = [
        relay.connect(port, hello)
        for hello in hellos
        for port in (relay.tls, relay.chat, relay.media, relay.balancer)
        for _ in range(5)
    ]
    for number, one in enumerate(crowd):
        if number % 2:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        one.close()
    # The upstream ends too, as a server does that sees the end of its client.
    wait_for(lambda: sum(relay.status["counters"]["connections"].values()) == len(crowd), "all of them to be counted")
    upstream.stop()
    close_kept()
    wait_for(lambda: relay.status["connections"] == 0, "all of them to be forgotten")
    wait_for(lambda: abs(relay.descriptors() - before) <= 1, "their descriptors")


@pytest.mark.costly
def test_no_client_address_is_written_anywhere(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    stranger = "127.99.88.77"
    for port in (relay.chat, relay.media, relay.tls, relay.balancer):
        client = keep(socket.create_connection(("127.0.0.1", port), source_address=(stranger, 0)))
        client.sendall(HELLO)
        client.close()
    wait_for(lambda: relay.status["counters"]["connections"][str(relay.chat)] == 1, "the connections to be counted")
    upstream.stop()
    close_kept()
    wait_for(lambda: relay.status["connections"] == 0, "quiet")
    for file, data in contents(relay.folder):
        assert stranger.encode() not in data, file


@pytest.mark.costly
def test_it_stops_within_its_time_and_says_so(start_relay: StartRelay) -> None:
    relay = start_relay()
    client = relay.connect(relay.chat)
    begun = time.monotonic()
    relay.stop()
    assert time.monotonic() - begun < 6
    assert relay.status["phase"] == "stopping"
    assert read_to_end_or_reset(client) == b""
