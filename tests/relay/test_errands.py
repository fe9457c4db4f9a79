"""The owner's knock and a certificate authority's question, answered by a relay that runs, and by nobody else."""

import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.clock import since_boot
from appliance.page import knock as links
from appliance.page.knock import State
from appliance.paths import Paths
from appliance.relay.errands import ARRIVED, AT_HOME, LARGEST_ANSWER
from appliance.status import pause
from appliance.status import relay as relay_status
from appliance.status.knock import FOLDER
from tests.relay.conftest import StartRelay
from tests.relay.running import Relay, close_kept, contents, keep, read_to_end, wait_for
from tests.relay.street import NEIGHBOUR, NEXT_TO_IT, PUBLIC, RELAY, ROUTER, STRANGER, Street
from tests.relay.test_evidence import header
from tests.relay.test_wire import any_certificate, read_to_end_or_reset

CHALLENGE = "/.well-known/acme-challenge/"
THUMBPRINT = "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
# The home's own outer address, which the router may show for people at home.
OWN = "198.51.100.7"


def places(relay: Relay) -> Paths:
    return Paths(relay.folder / "porchlight.toml", relay.folder / "state", relay.folder / "run")


def asked(connection: socket.socket, path: str, *, secure: bool, method: str = "GET") -> bytes:
    if secure:
        connection = keep(any_certificate().wrap_socket(connection))
    connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: relay.example.org\r\n\r\n".encode())
    return read_to_end_or_reset(connection)


def ask(relay: Relay, path: str, source: str = STRANGER, *, secure: bool = True, method: str = "GET") -> bytes:
    """A browser's request, through a balancer that tells its address."""
    return asked(relay.connect(relay.balancer, header(source)), path, secure=secure, method=method)


def undated(answer: bytes) -> bytes:
    return re.sub(rb"Date: [^\r]*", b"Date: -", answer)


def now(relay: Relay) -> links.Knock:
    found = places(relay)
    return links.current(found, relay_status.read(found.relay_status), since_boot())


def becomes(relay: Relay, state: State) -> links.Knock:
    return wait_for(lambda: (one := now(relay)).state is state and one, f"the knock to be {state}")  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def nowhere() -> str:
    """A path of a knock's form that nobody has made."""
    return FOLDER + "A" * 22


def test_a_knock_from_outside_counts_once(start_relay: StartRelay, nowhere: str) -> None:
    relay = start_relay(workers=2)
    ordinary = undated(ask(relay, "/nothing-here"))
    assert b"404 Not Found" in ordinary
    assert undated(ask(relay, nowhere)) == ordinary
    assert now(relay) == links.Knock(State.NONE)
    made = links.begin(places(relay), since_boot())
    assert now(relay).state is State.WAITING
    # Neither another link nor another method is this one, and none of them spends it.
    for path in (nowhere, made.path + "A", made.path[:-1], made.path.swapcase(), "/x" + made.path, made.path + "/"):
        assert undated(ask(relay, path)) == ordinary, path
    assert b"404" in ask(relay, made.path, method="HEAD")
    # As nginx answers where nothing is.
    assert undated(ask(relay, made.path, method="POST")) == ordinary
    assert now(relay).state is State.WAITING
    before = since_boot()
    answer = ask(relay, made.path)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == ARRIVED
    # As the site's own pages, header by header.
    names = [line.partition(b":")[0] for line in head.split(b"\r\n")]
    site_head = ask(relay, "/").partition(b"\r\n\r\n")[0]
    assert names == [line.partition(b":")[0] for line in site_head.split(b"\r\n")]
    seen = becomes(relay, State.SEEN_OUTSIDE).seen
    assert seen
    assert (seen.outside, seen.router, seen.tls, seen.port) == (True, False, True, relay.balancer)
    assert int(before) <= seen.seen <= since_boot()
    # The second visit, whichever process serves it.
    for _ in range(4):
        assert undated(ask(relay, made.path)) == ordinary
    assert STRANGER not in json.dumps(relay.status)


def test_what_the_visitor_reads_names_nobody() -> None:
    for page in (ARRIVED, AT_HOME):
        for word in (b"porchlight", b"whatsapp", b"relay", b"<script"):
            assert word not in page.lower()
    assert b"You can close this page." in ARRIVED
    assert b"Wi-Fi" in AT_HOME


@pytest.mark.costly
def test_from_inside_it_says_so_and_the_link_still_works(start_relay: StartRelay) -> None:
    relay = start_relay()
    made = links.begin(places(relay), since_boot(), own=[OWN])
    for source in ("192.168.77.2", OWN, "127.0.0.1"):
        assert ask(relay, made.path, source).endswith(AT_HOME)
    seen = becomes(relay, State.SEEN_INSIDE).seen
    assert seen
    assert not seen.outside
    # In clear from outside: it counts, as what it is; and the TLS of the same link is still to come.
    assert ask(relay, made.path, secure=False).endswith(ARRIVED)
    seen = becomes(relay, State.SEEN_OUTSIDE).seen
    assert seen
    assert (seen.outside, seen.tls) == (True, False)
    assert b"404" in ask(relay, made.path, secure=False)
    assert ask(relay, made.path).endswith(ARRIVED)
    wait_for(lambda: (one := now(relay).seen) and one.tls, "the better evidence")
    # A late look from inside does not take it back.
    ask(relay, made.path, "192.168.77.2")
    assert now(relay).state is State.SEEN_OUTSIDE


@pytest.mark.costly
def test_a_link_ends_and_a_new_one_replaces_it(start_relay: StartRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    relay = start_relay()
    former = links.begin(places(relay), since_boot())
    made = links.begin(places(relay), since_boot())
    assert former.path != made.path
    assert b"404" in ask(relay, former.path)
    assert ask(relay, made.path).endswith(ARRIVED)
    becomes(relay, State.SEEN_OUTSIDE)
    assert list((relay.folder / "run/relay").glob("knock-*"))
    monkeypatch.setattr(links, "LASTS", 0.0)
    over = links.begin(places(relay), since_boot())
    assert now(relay).state is State.EXPIRED
    assert b"404" in ask(relay, over.path)
    # What was known of the former ones goes.
    wait_for(lambda: not list((relay.folder / "run/relay").glob("knock-*")), "the traces to go")
    links.end(places(relay))
    assert now(relay).state is State.NONE
    assert not list((relay.folder / "run/page").iterdir())


@pytest.mark.costly
def test_it_counts_once_over_a_restart(start_relay: StartRelay) -> None:
    relay = start_relay()
    made = links.begin(places(relay), since_boot())
    assert ask(relay, made.path).endswith(ARRIVED)
    relay.stop()
    relay.start()
    assert b"404" in ask(relay, made.path)
    becomes(relay, State.SEEN_OUTSIDE)


@pytest.mark.costly
def test_many_at_once_count_once(start_relay: StartRelay) -> None:
    relay = start_relay(workers=2)
    made = links.begin(places(relay), since_boot())
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(relay, made.path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer.endswith(ARRIVED) for answer in answers) == 1
    assert sum(b"404 Not Found" in answer for answer in answers) == 7


def test_the_link_lies_nowhere_but_with_the_page(start_relay: StartRelay) -> None:
    relay = start_relay()
    made = links.begin(places(relay), since_boot())
    token = made.path.removeprefix(FOLDER)
    assert len(token) * 6 >= 128
    ask(relay, made.path)
    becomes(relay, State.SEEN_OUTSIDE)
    holds = [one for one, data in contents(relay.folder) if token.encode() in data]
    assert [one.name for one in holds] == ["knock-link"]
    assert holds[0].stat().st_mode & 0o077 == 0
    assert token not in relay.log


@pytest.mark.costly
@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"digest": 1, "until": 1, "own": []}', b"\xff\xfe"])
def test_a_damaged_file_is_no_knock(start_relay: StartRelay, damage: bytes) -> None:
    relay = start_relay()
    made = links.begin(places(relay), since_boot())
    places(relay).knock.write_bytes(damage)
    assert b"404" in ask(relay, made.path)
    assert now(relay).state is State.NONE


def put(relay: Relay, name: str, content: bytes) -> Path:
    file = places(relay).challenges / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


@pytest.mark.costly
@pytest.mark.parametrize("secure", [False, True])
def test_a_certificate_authority_is_answered(start_relay: StartRelay, secure: bool) -> None:
    relay = start_relay()
    token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
    ordinary = undated(ask(relay, "/nothing-here", secure=secure))
    assert undated(ask(relay, CHALLENGE + token, secure=secure)) == ordinary
    file = put(relay, token, f"{token}.{THUMBPRINT}".encode())
    head, _, body = ask(relay, CHALLENGE + token, secure=secure).partition(b"\r\n\r\n")
    assert body == file.read_bytes()
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: text/plain\r\n" in head
    # As often as it asks, and also by HEAD, without the content.
    assert ask(relay, CHALLENGE + token, secure=secure).endswith(body)
    assert ask(relay, CHALLENGE + token, secure=secure, method="HEAD").endswith(b"\r\n\r\n")
    assert b"405" in ask(relay, CHALLENGE + token, secure=secure, method="POST")
    wait_for(lambda: any(one["reached_outside"] is not None for one in relay.status["ports"]), "the evidence")
    file.unlink()
    assert undated(ask(relay, CHALLENGE + token, secure=secure)) == ordinary


@pytest.mark.costly
def test_nothing_else_is_given_out(start_relay: StartRelay) -> None:
    relay = start_relay()
    ordinary = undated(ask(relay, "/nothing-here"))
    put(relay, "good", b"good")
    secret = put(relay, "../secret", b"secret")
    (secret.parent / "challenge/link").symlink_to(secret)
    (secret.parent / "challenge/folder").mkdir()
    os.mkfifo(secret.parent / "challenge/pipe")
    put(relay, "large", b"x" * (LARGEST_ANSWER + 1))
    put(relay, "empty", b"")
    put(relay, "a.b", b"secret")
    put(relay, "x" * 128, b"long")
    put(relay, "x" * 129, b"secret")
    assert ask(relay, CHALLENGE + "x" * 128).endswith(b"long")
    for name in ("link", "folder", "pipe", "large", "empty", "a.b", "x" * 129, "nope", "", ".", "good/", "go%6fd"):
        assert undated(ask(relay, CHALLENGE + name)) == ordinary, name
    for path in ("../secret", "..%2fsecret", "../../relay/status.json", "good/../../secret", "..", "%2e%2e/secret"):
        assert b"secret" not in ask(relay, CHALLENGE + path).partition(b"\r\n\r\n")[2], path
    assert ask(relay, CHALLENGE + "good?x=1").endswith(b"good")


def test_a_visitor_at_home_is_led_to_the_page_as_ever(start_relay: StartRelay) -> None:
    relay = start_relay()
    put(relay, "good", b"good")
    ordinary = asked(relay.connect(relay.chat), "/nothing-here", secure=False)
    assert b"302 Moved Temporarily" in ordinary
    assert undated(asked(relay.connect(relay.chat), FOLDER + "A" * 22, secure=False)) == undated(ordinary)
    assert asked(relay.connect(relay.chat), CHALLENGE + "good", secure=False).endswith(b"good")
    made = links.begin(places(relay), since_boot())
    assert asked(relay.connect(relay.tls), made.path, secure=True).endswith(AT_HOME)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with Street(tmp_path_factory.mktemp("street")) as found:
        yield found


@pytest.mark.costly
@pytest.mark.namespaces
@pytest.mark.parametrize("who", [NEIGHBOUR, ROUTER, STRANGER])
def test_the_peers_own_address_tells(street: Street, tmp_path: Path, certificate_file: Path, who: str) -> None:
    folder = tmp_path / "relay"
    (folder / "state/relay").mkdir(parents=True)
    (folder / "state/relay/certificate.pem").write_bytes(certificate_file.read_bytes())
    relay = Relay(folder, None, listen=[RELAY])
    relay.program = street.program
    relay.start()
    try:
        made = links.begin(places(relay), since_boot())
        answer = asked(street.connect(who, relay.tls), made.path, secure=True)
        assert answer.endswith(AT_HOME if who == NEIGHBOUR else ARRIVED)
        seen = becomes(relay, State.SEEN_INSIDE if who == NEIGHBOUR else State.SEEN_OUTSIDE).seen
        assert seen
        assert seen.router is (who == ROUTER)
        assert seen.port == relay.tls
    finally:
        close_kept()
        relay.stop()


@pytest.mark.costly
@pytest.mark.namespaces
def test_the_way_to_the_setup_page_is_shown_to_nobody_with_a_public_address(
    street: Street, tmp_path: Path, certificate_file: Path
) -> None:
    """Not even where the relay has one beside it: there anybody could be next to it."""
    folder = tmp_path / "relay"
    (folder / "state/relay").mkdir(parents=True)
    (folder / "state/relay/certificate.pem").write_bytes(certificate_file.read_bytes())
    relay = Relay(folder, None, listen=[RELAY, PUBLIC])
    relay.program = street.program
    relay.start()
    try:
        led = []
        for who, there in ((NEIGHBOUR, RELAY), (ROUTER, RELAY), (STRANGER, PUBLIC), (NEXT_TO_IT, PUBLIC)):
            asking = street.connect(who, relay.chat, there)
            asking.sendall(b"GET / HTTP/1.1\r\nHost: porchlight.local\r\n\r\n")
            answer = read_to_end(asking)
            assert answer.startswith((b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Moved Temporarily\r\n"))
            led += [who] if b"8199" in answer else []
        assert led == [NEIGHBOUR]
        # While the relay rests all see the same as ever.
        pause.begin(places(relay).pause, since_boot(), 3600)
        wait_for(lambda: relay.status["resting"] == "paused", "the status to say so")
        for who, there in ((NEIGHBOUR, RELAY), (ROUTER, RELAY), (STRANGER, PUBLIC), (NEXT_TO_IT, PUBLIC)):
            asking = street.connect(who, relay.chat, there)
            asking.sendall(b"GET / HTTP/1.1\r\nHost: porchlight.local\r\n\r\n")
            answer = read_to_end(asking)
            assert answer.startswith(b"HTTP/1.1 302 " if who == NEIGHBOUR else b"HTTP/1.1 200 OK\r\n"), who
    finally:
        close_kept()
        relay.stop()
