"""The upstreams: tried in order, remembered when they fail, looked up again, probed, and never somebody at home."""

import ipaddress
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import gevent.socket
import pytest

from appliance.network.home import Address
from appliance.relay import upstream as upstreams
from appliance.relay.upstream import NEVER, REMEMBER_FAILURE, Endpoint, Group, Verdict, Watch
from tests.relay.conftest import StartRelay
from tests.relay.lab import NAME, PORT, Lab
from tests.relay.pumping import turn_until
from tests.relay.running import (
    MEDIA_HELLO,
    PATIENCE,
    Relay,
    Upstream,
    free_ports,
    keep,
    read_exactly,
    swallow,
    wait_for,
)
from tests.relay.test_wire import HELLO, read_to_end_or_reset

# Seconds: what is promised after an upstream is back.
BACK_WITHIN = 10.0


def literal_group(*ports: int) -> Group:
    group = Group([f"127.0.0.1:{port}" for port in ports], tuple, allow_private=True)
    assert group.resolve()
    return group


def ports_of(endpoints: list[Endpoint]) -> list[int]:
    return [endpoint.address[1] for endpoint in endpoints]


def test_the_settings_order_counts_and_what_failed_comes_last_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(upstreams, "since_boot", lambda: now)
    group = literal_group(3, 1, 2)
    assert ports_of(group.addresses()) == [3, 1, 2]
    group.addresses()[0].failed = now
    assert ports_of(group.addresses()) == [1, 2, 3]
    # Looked up again it is still the same address, with the same memory.
    assert group.resolve()
    assert ports_of(group.addresses()) == [1, 2, 3]
    for endpoint in group.addresses():
        endpoint.failed = now
    assert ports_of(group.addresses()) == [3, 1, 2]
    now += REMEMBER_FAILURE
    assert ports_of(group.addresses()) == [3, 1, 2]


def test_an_address_that_turns_out_to_be_the_homes_own_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a start the relay asks for names before the router service knows how the home looks from outside."""
    outer, whatsapp = "80.200.0.9", "157.240.1.60"
    said, own = [outer, whatsapp], list[Address]()

    def answer(_host: str, port: int, **_options: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (one, port)) for one in said]

    monkeypatch.setattr(gevent.socket, "getaddrinfo", answer)
    group = Group(["g.example:443"], lambda: own, allow_private=False)
    assert group.resolve()
    assert [one.address[0] for one in group.addresses()] == [outer, whatsapp]
    own.append(ipaddress.ip_address(outer))
    # Also when it is all that the name servers say, so that the last good addresses stay.
    said = [outer]
    assert not group.resolve()
    assert [one.address[0] for one in group.addresses()] == [whatsapp]
    own.append(ipaddress.ip_address(whatsapp))
    group.resolve()
    assert not group.resolved
    group.probe()
    assert group.verdict == Verdict.REFUSED_PRIVATE


class Looking:
    """The look of one worker at a group, in this process."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.verdict = Verdict.UNKNOWN
        self._watch = Watch(group, self._told)

    def _told(self, verdict: int) -> None:
        self.verdict = verdict

    def until_verdict(self, verdict: int) -> None:
        turn_until(lambda: self.verdict == verdict, f"the verdict {verdict}, not {self.verdict}")

    def stop(self) -> None:
        self._watch.stop()


@pytest.fixture
def look_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Group], Looking]]:
    """Looks at a group without anybody who dials, every fifth of a second instead of once a minute."""
    for name in ("PROBE_EVERY", "RESOLVE_EVERY"):
        # What is promised; what follows only makes it shorter.
        assert getattr(upstreams, name) == 60.0
        monkeypatch.setattr(upstreams, name, 0.2)
    started: list[Looking] = []

    def look(group: Group) -> Looking:
        started.append(Looking(group))
        return started[-1]

    yield look
    for one in started:
        one.stop()


def test_a_death_is_seen_without_anybody_who_dials(upstream: Upstream, look_at: Callable[[Group], Looking]) -> None:
    looking = look_at(Group([f"127.0.0.1:{upstream.port}"], tuple, allow_private=True))
    looking.until_verdict(Verdict.REACHABLE)
    upstream.stop()
    looking.until_verdict(Verdict.UNREACHABLE)
    upstream.start()
    looking.until_verdict(Verdict.REACHABLE)


def test_each_address_is_probed_while_the_first_one_answers(
    upstream: Upstream, look_at: Callable[[Group], Looking]
) -> None:
    second = Upstream(free_ports(60)[-1])
    looking = look_at(Group([f"127.0.0.1:{one.port}" for one in (upstream, second)], tuple, allow_private=True))
    try:
        looking.until_verdict(Verdict.REACHABLE)
        first_one, other = looking.group.addresses()
        second.stop()
        turn_until(lambda: other.failed is not NEVER, "the death of the one that is not in use")
        assert ports_of(looking.group.addresses()) == [upstream.port, second.port]
        assert (first_one.failed, looking.verdict) == (NEVER, Verdict.REACHABLE)
        second.start()
        turn_until(lambda: other.failed is NEVER, "its return")
    finally:
        second.stop()


def test_a_name_that_moves_is_followed_without_anybody_who_dials(
    upstream: Upstream, look_at: Callable[[Group], Looking], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "127.0.0.1"

    def answer(host: str, port: int, **_options: object) -> list[object]:
        assert host == "moves.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (said, port))]

    monkeypatch.setattr(gevent.socket, "getaddrinfo", answer)
    looking = look_at(Group([f"moves.example:{upstream.port}"], tuple, allow_private=True))
    looking.until_verdict(Verdict.REACHABLE)
    # Nobody listens there, which the next probe finds.
    said = "127.0.0.9"
    turn_until(lambda: looking.group.addresses()[0].address[0] == said, "the name to be looked up again")
    looking.until_verdict(Verdict.UNREACHABLE)


@pytest.mark.slow
def test_the_next_one_takes_over_and_the_first_one_comes_back(start_relay: StartRelay, upstream: Upstream) -> None:
    second = Upstream(free_ports(60)[-1])
    names = [f"127.0.0.1:{one.port}" for one in (upstream, second)]
    relay = start_relay(upstreams={"chat": names}, send_proxy="off")
    try:
        relay.connect(relay.chat, HELLO)
        assert read_exactly(upstream.next(), 4) == HELLO
        upstream.stop()
        for _ in range(3):
            relay.connect(relay.chat, HELLO)
            assert read_exactly(second.next(), 4) == HELLO
        assert relay.status["upstreams"]["chat"]["reachable"] is True
        upstream.start()

        def is_back() -> bool:
            relay.connect(relay.chat, HELLO)
            wait_for(lambda: upstream.waiting or second.waiting, "one of them")
            return upstream.waiting > 0 or not second.next()

        wait_for(is_back, "the first one to be asked again", limit=BACK_WITHIN)
    finally:
        second.stop()


@pytest.fixture
def swallowing() -> socket.socket:
    """A listener that swallows every attempt."""
    return swallow()


@pytest.fixture
def black_hole(swallowing: socket.socket) -> int:
    """Its port."""
    return int(swallowing.getsockname()[1])


@pytest.mark.slow
def test_one_that_swallows_everything_costs_the_first_client_only(
    start_relay: StartRelay, upstream: Upstream, black_hole: int
) -> None:
    relay = start_relay(upstreams={"media": [f"127.0.0.1:{black_hole}", f"127.0.0.1:{upstream.port}"]})
    wait_for(lambda: relay.status["upstreams"]["media"]["reachable"], "the first probe")
    # The probe has found it out too, and remembers; then it is tried first again.
    time.sleep(upstreams.PROBE_LIMIT + REMEMBER_FAILURE + 0.5)
    took = []
    for _ in range(3):
        begun = time.monotonic()
        relay.connect(relay.media, MEDIA_HELLO)
        assert read_exactly(upstream.next(), len(MEDIA_HELLO)) == MEDIA_HELLO
        took.append(time.monotonic() - begun)
    assert 1.5 < took[0] < 4.5
    assert max(took[1:]) < 1.0


@pytest.mark.slow
def test_when_all_swallow_everything_a_client_is_told_within_five_seconds(
    start_relay: StartRelay, black_hole: int
) -> None:
    relay = start_relay(upstreams={"media": [f"127.0.0.1:{black_hole}"] * 3})
    begun = time.monotonic()
    assert read_to_end_or_reset(relay.connect(relay.media, MEDIA_HELLO)) == b""
    assert time.monotonic() - begun < 5.5
    wait_for(lambda: relay.counted("upstream_errors", "timeout") == 1, "the error to be counted")


@pytest.mark.slow
def test_one_that_swallowed_everything_is_back_within_ten_seconds(
    start_relay: StartRelay, swallowing: socket.socket, black_hole: int
) -> None:
    relay = start_relay(upstreams={"chat": [f"127.0.0.1:{black_hole}"]}, send_proxy="off")
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"] is False, "the trouble to be seen")
    begun = time.monotonic()
    assert read_to_end_or_reset(relay.connect(relay.chat, HELLO)) == b""
    assert time.monotonic() - begun < 5.5

    def serve() -> None:
        with suppress(OSError):
            while True:
                keep(swallowing.accept()[0]).sendall(b"here")

    threading.Thread(target=serve, daemon=True).start()
    begun = time.monotonic()

    def is_back() -> bool:
        client = relay.connect(relay.chat, HELLO)
        client.settimeout(1)
        with suppress(TimeoutError, ConnectionError):
            return client.recv(4) == b"here"
        return False

    wait_for(is_back, "it to be back", limit=BACK_WITHIN)
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"], "it to be seen")
    assert time.monotonic() - begun < BACK_WITHIN + 1


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with Lab(tmp_path) as found:
        monkeypatch.setattr(Relay, "program", found.program)
        yield found


NAMES = {"chat": [f"{NAME}:{PORT}"], "http": [f"{NAME}:{PORT}"], "media": [f"{NAME}:{PORT}"]}


@pytest.mark.namespaces
@pytest.mark.slow
def test_servers_that_move_are_followed(start_relay: StartRelay, lab: Lab) -> None:
    lab.say("127.0.0.2")
    lab.start_names()
    former, later = lab.listen("127.0.0.2"), lab.listen("127.0.0.3")
    relay = start_relay(upstreams=NAMES, workers=2)
    assert lab.reaches(relay.chat, former, PATIENCE)
    lab.say("127.0.0.3")
    former.close()
    begun = time.monotonic()
    wait_for(lambda: lab.reaches(relay.chat, later), "the new address to be used")
    assert time.monotonic() - begun < BACK_WITHIN


@pytest.mark.namespaces
@pytest.mark.slow
def test_the_last_good_address_is_kept_when_the_name_server_fails(start_relay: StartRelay, lab: Lab) -> None:
    lab.say("127.0.0.2")
    lab.start_names()
    server = lab.listen("127.0.0.2")
    relay = start_relay(upstreams=NAMES)
    assert lab.reaches(relay.chat, server, PATIENCE)
    lab.stop_names()
    # A dial that fails makes it ask again, in vain.
    server.close()
    assert not _accepts(lab, relay)
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"] is False, "the trouble to be seen")
    time.sleep(upstreams.RESOLVE_AGAIN + 1)
    assert "do not answer" in relay.status["upstreams"]["chat"]["trouble"]
    server = lab.listen("127.0.0.2")
    begun = time.monotonic()
    assert lab.reaches(relay.chat, server, PATIENCE)
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"], "it to be seen")
    assert time.monotonic() - begun < BACK_WITHIN


@pytest.mark.namespaces
@pytest.mark.slow
def test_a_new_worker_knows_the_way_while_the_name_server_is_down(start_relay: StartRelay, lab: Lab) -> None:
    lab.say("127.0.0.2")
    lab.start_names()
    server = lab.listen("127.0.0.2")
    relay = start_relay(upstreams=NAMES)
    assert lab.reaches(relay.chat, server, PATIENCE)
    lab.stop_names()
    (former,) = relay.workers()
    os.kill(former, signal.SIGKILL)
    wait_for(lambda: relay.workers() not in ([former], []), "another worker")
    assert lab.reaches(relay.chat, server, PATIENCE)
    # New settings bring a new generation, which begins without a name server too.
    relay.settings["idle_timeout"] = 100
    (former,) = relay.workers()
    relay.write_settings()
    wait_for(lambda: relay.workers() not in ([former], []), "the new generation")
    assert lab.reaches(relay.chat, server, PATIENCE)


def _accepts(lab: Lab, relay: Relay) -> bool:
    """Whether anything but the end comes back: there is no upstream, so this waits for the relay to say so."""
    with lab.listen("127.0.0.9") as nobody:
        return lab.reaches(relay.chat, nobody)


@pytest.mark.namespaces
@pytest.mark.slow
def test_a_name_server_that_comes_late_is_asked_again(start_relay: StartRelay, lab: Lab) -> None:
    lab.say("127.0.0.2")
    server = lab.listen("127.0.0.2")
    relay = start_relay(upstreams=NAMES)
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"] is False, "the trouble to be seen")
    assert "cannot be found" in relay.status["upstreams"]["chat"]["trouble"]
    lab.start_names()
    begun = time.monotonic()
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"], "the name to be found")
    assert time.monotonic() - begun < BACK_WITHIN
    assert lab.reaches(relay.chat, server, PATIENCE)


@pytest.mark.namespaces
@pytest.mark.long
def test_while_name_servers_swallow_everything_a_client_is_told_within_five_seconds(
    start_relay: StartRelay, lab: Lab
) -> None:
    lab.say("127.0.0.2")
    lab.start_names()
    lab.swallow_names()
    server = lab.listen("127.0.0.2")
    relay = start_relay(upstreams=NAMES)
    client = lab.connect(relay.chat)
    begun = time.monotonic()
    client.sendall(HELLO)
    assert read_to_end_or_reset(client) == b""
    assert time.monotonic() - begun < 5
    lab.pass_names()
    begun = time.monotonic()
    wait_for(lambda: lab.reaches(relay.chat, server), "the names to be found")
    assert time.monotonic() - begun < BACK_WITHIN


@pytest.mark.namespaces
@pytest.mark.slow
def test_neither_our_own_address_nor_one_at_home_is_an_upstream(start_relay: StartRelay, lab: Lab) -> None:
    # A public one, so that only the rule about our own address can refuse it.
    own = "157.240.1.60"
    lab.add_address(own)
    lab.add_address("192.168.77.9")
    lab.say(own, "192.168.77.9", "127.0.0.2", "169.254.3.4")
    lab.start_names()
    servers = [lab.listen(address) for address in (own, "192.168.77.9", "127.0.0.2")]
    relay = start_relay(upstreams={**NAMES, "allow_private": False})
    wait_for(lambda: relay.status["upstreams"]["chat"]["reachable"] is False, "the refusal")
    assert "forges" in relay.status["upstreams"]["chat"]["trouble"]
    for server in servers:
        assert not lab.reaches(relay.chat, server)
    # The warning is one line for each group of upstreams, however often the name is looked up.
    time.sleep(2 * upstreams.RESOLVE_AGAIN)
    assert relay.log.count("not on the public Internet") == len(relay.status["upstreams"]) == 2
    # The same addresses, allowed: it is the rule that refused them.
    relay.upstreams["allow_private"] = True
    relay.write_settings()
    wait_for(lambda: any(lab.reaches(relay.chat, server) for server in servers), "the setting to apply")
