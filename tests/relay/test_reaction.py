"""What somebody can tell of the upstream by the relay's reaction: nothing before a client's first message is whole."""

import select
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from statistics import median

import pytest

from appliance.relay.dial import DIAL_LIMIT
from appliance.relay.opening import OPENING_LIMIT
from tests.relay.conftest import StartRelay
from tests.relay.running import MEDIA_HELLO, Relay, Upstream, keep, read_exactly, swallow, wait_for
from tests.relay.test_full_house import ANY
from tests.relay.test_wire import HELLO, ROUTED, any_certificate, read_to_end_or_reset, tls_connect

# Seconds in which a dial would have been seen, on a busy machine too.
A_WHILE = 0.5
# Seconds between the medians of two ends that count as the same: the relay looks at its limits four times a second.
SAME = 0.3
# A connection is tried so many times, at moments spread over one of those looks.
TRIES, APART = 3, 0.083
# A busy machine may hold up one of them; what the upstream is to blame for comes again each time.
ROUNDS = 3
GROUPS = ("chat", "http", "media")
Say = Callable[[Relay], socket.socket]


class Dialled:
    """Connections at an upstream from now on, those that say nothing included, but for probes."""

    def __init__(self, upstream: Upstream) -> None:
        self._all: list[socket.socket] = []
        upstream.greet = self._all.append

    def __len__(self) -> int:
        return sum(_is_open(one) for one in self._all)


def _is_open(one: socket.socket) -> bool:
    try:
        return not select.select([one], [], [], 0)[0] or one.recv(1, socket.MSG_PEEK) != b""
    except (OSError, ValueError):
        # It has been closed already.
        return False


def everywhere(*ports: int) -> dict[str, object]:
    """Upstreams at these ports of loopback, for everything."""
    return {group: [f"127.0.0.1:{port}" for port in ports] for group in GROUPS}


@pytest.mark.costly
@pytest.mark.parametrize(
    ("port", "message"),
    [("chat", HELLO), ("chat", ROUTED), ("tls", HELLO), ("balancer", HELLO), ("media", MEDIA_HELLO)],
)
def test_nobody_is_dialled_for_before_the_first_message_is_whole(
    start_relay: StartRelay, upstream: Upstream, port: str, message: bytes
) -> None:
    relay = start_relay()
    dialled = Dialled(upstream)
    clients = []
    for end in range(len(message)):
        header = b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\n" if port == "balancer" else b""
        said = header + message[:end]
        clients.append(tls_connect(relay.tls, said) if port == "tls" else relay.connect(getattr(relay, port), said))
    time.sleep(A_WHILE)
    # A probe is gone in a moment, however late; who is dialled for is there until the time of the opening is over.
    wait_for(lambda: not dialled, "nobody to be dialled for", limit=OPENING_LIMIT / 4)
    for end, client in enumerate(clients):
        client.sendall(message[end:])
    wait_for(lambda: len(dialled) == len(message), "all of them to be dialled for")


@pytest.mark.costly
@pytest.mark.parametrize("said", [b"", b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n", HELLO, b"\x15\x03\x01\x00\x02\x02\x28"])
def test_what_is_no_tls_on_a_media_port_reaches_nobody(
    start_relay: StartRelay, upstream: Upstream, said: bytes
) -> None:
    relay = start_relay()
    dialled = Dialled(upstream)
    client = relay.connect(relay.media, said)
    client.settimeout(A_WHILE)
    with pytest.raises(TimeoutError):
        client.recv(1)
    wait_for(lambda: not dialled, "nobody to be dialled for", limit=OPENING_LIMIT / 4)
    # An orderly end of theirs is answered at once, as by whoever waits for more.
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""


@pytest.mark.slow
@pytest.mark.parametrize("foreign_sni", ["allow", "refuse"])
def test_every_kind_of_stranger_meets_the_same_end(start_relay: StartRelay, foreign_sni: str) -> None:
    """Whoever says nothing, half of something or something foreign: silence, the same time, an orderly end.

    So it is as well where the upstream refuses, or swallows everything: none of them has to do with it.
    """
    swallowing = swallow().getsockname()[1]
    relays = {
        what: start_relay(
            foreign_sni=foreign_sni,
            upstreams=where,
        )
        for what, where in {"up": {}, "refused": everywhere(1), "swallowed": everywhere(swallowing)}.items()
    }
    assert [one.status["upstreams"]["chat"]["reachable"] for one in relays.values()] == [True, False, False]
    greeting = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        any_certificate().wrap_bio(ssl.MemoryBIO(), greeting, server_hostname="example.org").do_handshake()
    hello = greeting.read()
    strangers = {
        "silent": ("chat", b""),
        "slow": ("chat", b"W"),
        "half a greeting": ("chat", HELLO[:-1]),
        "half a greeting with routing": ("chat", ROUTED[:-1]),
        "half a request": ("chat", b"GET / HTTP"),
        "foreign": ("chat", b"SSH-2.0-x\r\n"),
        "half a handshake": ("tls", hello[:50]),
        "silent on media": ("media", b""),
        "foreign on media": ("media", b"\xff" * 100),
        "half a greeting on media": ("media", hello[:50]),
        "all but a byte on media": ("media", hello[:-1]),
    }
    if foreign_sni == "refuse":
        strangers["foreign name on media"] = ("media", hello)
    in_tls = {
        "silent in TLS": b"",
        "half a greeting in TLS": HELLO[:-1],
        "foreign in TLS": b"\x00\x01\x02",
        "half a request in TLS": b"GET /",
    }
    # The relay counts from some moment between the two.
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    clients: dict[str, socket.socket] = {}
    for what, relay in relays.items():
        for who, (port, sent) in strangers.items():
            before[f"{who}, {what}"] = time.monotonic()
            clients[f"{who}, {what}"] = relay.connect(getattr(relay, port), sent)
            after[f"{who}, {what}"] = time.monotonic()
        for who, sent in in_tls.items():
            before[f"{who}, {what}"] = time.monotonic()
            clients[f"{who}, {what}"] = tls_connect(relay.tls, sent)
            after[f"{who}, {what}"] = time.monotonic()
    ends: dict[str, float] = {}

    def wait(name: str, client: socket.socket) -> None:
        # Neither a byte nor a reset: only the end.
        assert client.recv(1) == b"", name
        ends[name] = time.monotonic()

    with ThreadPoolExecutor(len(clients)) as waiting:
        list(waiting.map(wait, *zip(*clients.items(), strict=True)))
    most = {name: end - before[name] for name, end in ends.items()}
    least = {name: end - after[name] for name, end in ends.items()}
    assert min(most.values()) > OPENING_LIMIT - 0.5, most
    assert max(least.values()) < OPENING_LIMIT + 2, least
    assert max(least.values()) - min(most.values()) < 1, (least, most)


def chat(relay: Relay) -> socket.socket:
    return relay.connect(relay.chat, HELLO)


def chat_in_tls(relay: Relay) -> socket.socket:
    raw = keep(relay.connect(relay.tls))
    # So that an end without a word in TLS is seen.
    client = any_certificate().wrap_socket(raw, suppress_ragged_eofs=False)
    client.sendall(HELLO)
    return client


def media(relay: Relay) -> socket.socket:
    return relay.connect(relay.media, MEDIA_HELLO)


def end_of(relay: Relay, say: Say, delay: float) -> tuple[str, float]:
    """How a connection ends that says its first message, and after how many seconds."""
    time.sleep(delay)
    with say(relay) as client:
        begun = time.monotonic()
        try:
            assert client.recv(1) == b""
            how = "end"
        except (OSError, ssl.SSLError) as error:
            how = type(error).__name__
        return how, time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("say", [chat, chat_in_tls, media])
def test_whether_an_upstream_refuses_or_swallows_or_the_relay_rests_does_not_show(
    start_relay: StartRelay, say: Say
) -> None:
    hole = swallow().getsockname()[1]
    useless = {
        "refused": everywhere(1),
        "all refused": everywhere(1, 2, 3),
        "swallowed": everywhere(hole),
        "all swallowed": everywhere(hole, hole, hole),
        "refused, then swallowed": everywhere(1, hole),
        "swallowed, then refused": everywhere(hole, 1),
        "nowhere": everywhere(1) | {"allow_private": False},
    }
    relays = {name: start_relay(upstreams=where, send_proxy="off") for name, where in useless.items()}
    # One that rests looks like them, with the best of upstreams.
    relays["resting"] = start_relay(enabled=False, send_proxy="off")
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(len(relays) * TRIES) as pool:
            tries = {
                name: [pool.submit(end_of, relay, say, number * APART) for number in range(TRIES)]
                for name, relay in relays.items()
            }
            found = {name: [one.result() for one in each] for name, each in tries.items()}
        assert {how for each in found.values() for how, _ in each} == {"end"}, found
        medians = {name: median(took for _, took in each) for name, each in found.items()}
        if max(medians.values()) - min(medians.values()) < SAME:
            break
    assert max(medians.values()) - min(medians.values()) < SAME, medians
    # As soon as is promised (docs/threats.md), and what a busy machine adds.
    assert all(DIAL_LIMIT - SAME < one < 5.5 for one in medians.values()), medians


@pytest.mark.slow
def test_an_address_behind_others_that_are_of_no_use_is_still_reached(
    start_relay: StartRelay, upstream: Upstream
) -> None:
    hole = swallow().getsockname()[1]
    relay = start_relay(upstreams=everywhere(1, hole, upstream.port))
    # The probes know by then which of them serves; a name that was looked up anew begins without that.
    time.sleep(14.0)
    begun = time.monotonic()
    client = media(relay)
    server = upstream.next()
    assert read_exactly(server, len(MEDIA_HELLO)) == MEDIA_HELLO
    assert time.monotonic() - begun < DIAL_LIMIT
    server.sendall(b"answer")
    assert read_exactly(client, 6) == b"answer"


@pytest.mark.slow
def test_those_who_wait_in_vain_count_for_the_limit_and_hold_nothing_else(start_relay: StartRelay) -> None:
    inside = 20
    relay = start_relay(upstreams=everywhere(1, 2), max_connections=inside, max_connections_per_address=ANY)
    relay.wait_for_probes()
    before = relay.descriptors()
    waiting = [media(relay) for _ in range(inside)]
    wait_for(lambda: relay.counted("upstream_errors", "refused") == inside, "all of them to be refused", limit=4)
    # Known and counted before anybody is told; and what was dialled with is closed.
    assert select.select(waiting, (), (), 0)[0] == []
    assert abs(relay.descriptors() - before - inside) <= 3
    # One more than there may be is refused at once.
    with suppress(OSError), socket.create_connection(("127.0.0.1", relay.media), 5) as one:
        assert read_to_end_or_reset(one) == b""
    # At once: nobody who came before has been told.
    assert select.select(waiting, (), (), 0)[0] == []
    wait_for(lambda: relay.counted("refused", "full") == 1, "the refusal to be counted")
    for client in waiting:
        assert client.recv(1) == b""
    wait_for(lambda: relay.status["connections"] == 0, "all of them to be gone", limit=5)
    assert relay.counted("refused", "late") == 0
