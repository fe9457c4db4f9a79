"""Where porchlight is deliberately not like the reference: each row of docs/differences.md, shown on both."""

import struct
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from appliance.clock import since_boot
from appliance.relay.opening import OPENING_LIMIT
from appliance.relay.proxy_header import build
from tests.bench.relays import make_certificates
from tests.relay.running import is_relayed, wait_for
from tests.wire.conftest import MakeBoth
from tests.wire.stage import RELAY_AS_IT_COMES, UPSTREAM, Both, Porchlight, Seen, Stage, Variant
from tests.wire.talking import BALANCED, CHAT, CHAT_TLS, HELLO, MEDIA, PORTS, Port, connect, opened, read_header
from tests.wire.test_headers import PACKED_4, PLAIN, v2
from tests.wire.tls_end import TlsEnd

difference = pytest.mark.difference
BEHIND_TLS, BEHIND_PLAIN, _ = (one for one in PORTS if one.balanced)
HEADER = build("v1", BALANCED[4])
REQUEST = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
END, OPEN, RESET = Seen(b"", "end"), Seen(b"", "open"), Seen(b"", "reset")
# Long enough to see that something goes on happening not, in seconds.
A_WHILE = 0.4


def relayed_after(stage: Stage, header: bytes) -> bool | Seen:
    """Whether a header lets its connection through; how the connection ended, if not."""
    client = stage.client(PLAIN.number, header + HELLO)
    if not is_relayed(client.socket, stage.upstreams["chat"]):
        return client.rest()
    upstream = stage.arrived()
    read_header(stage, "chat", upstream)
    return upstream.read(len(HELLO)) == HELLO


@difference("only-apps-reach-the-upstream")
@pytest.mark.parametrize("port", [CHAT, CHAT_TLS], ids=str)
def test_only_apps_reach_the_upstream(container: Both, port: Port) -> None:
    said = [b"", b"SSH-2.0-x\r\n", b"\x00\x01\x02"]

    def script(stage: Stage) -> object:
        if stage is container.porchlight:
            strangers = [connect(stage, port).send(one) for one in said]
            return [one.within(A_WHILE / len(said)) for one in strangers], stage.nothing_arrived
        found = []
        for one in said:
            stranger = connect(stage, port)
            upstream = stage.arrived()
            read_header(stage, "chat", upstream)
            stranger.send(one)
            found.append(upstream.read(len(one)))
        return found

    ours, reference = container.play(script)
    assert ours == ([OPEN] * len(said), True)
    assert reference == said


@difference("only-tls-reaches-the-media-servers")
def test_only_tls_reaches_the_media_servers(container: Both) -> None:
    said = [MEDIA.hello[:-1], b"SSH-2.0-x\r\n", HELLO]

    def script(stage: Stage) -> object:
        if stage is container.porchlight:
            strangers = [connect(stage, MEDIA).send(one) for one in said]
            return [one.within(A_WHILE / len(said)) for one in strangers], stage.nothing_arrived
        found = []
        for one in said:
            connect(stage, MEDIA).send(one)
            found.append(stage.arrived("media").read(len(one)))
        return found

    ours, reference = container.play(script)
    assert ours == ([OPEN] * len(said), True)
    assert reference == said


@difference("browsers-get-a-page")
@pytest.mark.parametrize("tls", [False, True])
def test_browsers_get_a_page(container: Both, tls: bool) -> None:
    def script(stage: Stage) -> Seen:
        client = connect(stage, CHAT_TLS if tls else CHAT).send(REQUEST)
        if stage is container.porchlight:
            page = client.rest()
            assert stage.nothing_arrived
            return page
        upstream = stage.arrived()
        read_header(stage, "chat", upstream)
        return Seen(upstream.read(len(REQUEST)), "open")

    page, reference = container.play(script)
    # The stages' clients have addresses that are nobody's at home, so they are not led to the setup page.
    assert page.data.startswith(b"HTTP/1.1 200 OK\r\nServer: nginx\r\n")
    assert b"Location" not in page.data
    assert page.ending == "end"
    assert reference.data == REQUEST


@difference("no-tls-gets-an-answer")
@pytest.mark.parametrize(
    "data",
    [REQUEST, b"\0\1\2\3 nothing", HELLO + bytes(20), b"\x80\1\2\3 nothing"],
    ids=["http", "zeros", "chat", "bits"],
)
def test_what_is_no_tls_gets_an_answer(container: Both, data: bytes) -> None:
    def script(stage: Stage) -> Seen:
        seen = stage.client(CHAT_TLS.number, data).rest()
        assert stage.nothing_arrived
        return seen

    answer, reference = container.play(script)
    assert reference == END
    told = answer.data.startswith(b"HTTP/1.1 400 Bad Request\r\n") and answer.ending == "end"
    assert told or (data[0] >= 0x80 and answer == RESET)


@difference("slow-openings-end")
@pytest.mark.slow
def test_slow_openings_end(container: Both) -> None:
    def script(stage: Stage) -> object:
        begun = time.monotonic()
        stalled = [
            stage.client(CHAT.number),
            stage.client(CHAT.number, b"E"),
            stage.client(CHAT_TLS.number),
            stage.client(CHAT_TLS.number, b"\x16\x03\x01\x02\x00\x01\x00"),
            stage.client(PLAIN.number),
            stage.client(PLAIN.number, HEADER + b"W"),
            stage.client(MEDIA.number),
            stage.client(MEDIA.number, MEDIA.hello[:-1]),
        ]
        found = []
        for client in stalled:
            seen = client.within(max(0.01, begun + OPENING_LIMIT - 1 - time.monotonic()))
            assert seen == OPEN, stage.name
        for client in stalled:
            found.append(client.within(max(0.01, begun + OPENING_LIMIT + 5 - time.monotonic())))
        return found

    ours, reference = container.play(script)
    assert ours == [END] * 8
    assert reference == [OPEN] * 8


@pytest.fixture
def small(make_both: MakeBoth) -> Both:
    """A house for four, three of them from one address."""
    return make_both(Variant(most=4, most_per_address=3))


def seen_by_newcomer(stage: Stage, family: int) -> Seen:
    """What one more client sees, who may be refused even before connect() has ended."""
    try:
        newcomer = stage.client(MEDIA.number, family=family)
        return newcomer.rest() if isinstance(stage, Porchlight) else newcomer.within(A_WHILE)
    except ConnectionResetError:
        return RESET


@difference("full-house-is-refused")
@pytest.mark.slow
def test_full_house_is_refused(small: Both) -> None:
    def script(stage: Stage) -> object:
        for family in (4, 4, 6, 6):
            stage.client(MEDIA.number, MEDIA.hello, family=family)
            assert stage.arrived("media").read(len(MEDIA.hello)) == MEDIA.hello
        return seen_by_newcomer(stage, family=6)

    assert small.play(script) == (RESET, OPEN)


@difference("one-address-gets-a-share")
@pytest.mark.slow
def test_one_address_gets_a_share(small: Both) -> None:
    relay, now = small.porchlight.relay, since_boot()
    wait_for(lambda: relay.status["written"] > now and relay.status["connections"] == 0, "the house to be empty")

    def script(stage: Stage) -> object:
        for _ in range(3):
            stage.client(MEDIA.number, MEDIA.hello)
            assert stage.arrived("media").read(len(MEDIA.hello)) == MEDIA.hello
        return seen_by_newcomer(stage, family=4)

    assert small.play(script) == (RESET, OPEN)


@difference("half-closed-streams-live-on")
@pytest.mark.slow
@pytest.mark.parametrize("first", ["client", "upstream"])
def test_half_closed_streams_live_on(container: Both, first: str) -> None:
    def script(stage: Stage) -> object:
        client, upstream = opened(stage, MEDIA)
        ending, other = (client, upstream) if first == "client" else (upstream, client)
        ending.finish()
        assert other.rest() == END
        # Longer than the reference's second; it tells only its own side that this is over.
        seen = ending.within(1.6) if stage is container.porchlight else ending.rest()
        if seen == OPEN:
            other.send(b"late").finish()
            seen = ending.rest()
        return seen

    assert container.play(script) == (Seen(b"late", "end"), END)


@difference("a-reset-is-never-an-end")
@pytest.mark.parametrize("port", [CHAT_TLS, CHAT, MEDIA], ids=str)
def test_a_reset_is_never_an_end(container: Both, port: Port) -> None:
    def script(stage: Stage) -> object:
        client, upstream = opened(stage, port)
        upstream.finish()
        assert client.rest() == END
        client.reset()
        return upstream.rest()

    assert container.play(script) == (RESET, END)


@difference("probes-say-nothing")
def test_probes_say_nothing(container: Both) -> None:
    ours, reference = (stage.upstreams["chat"].probes for stage in (container.porchlight, container.reference))
    wait_for(lambda: ours and reference, "a probe on both")
    assert set(ours) == {b""}
    assert any(one.startswith(f"PROXY TCP4 {UPSTREAM[4]} ".encode()) for one in reference)


@difference("ipv6-clients-are-served")
def test_ipv6_clients_are_served(container: Both) -> None:
    def script(stage: Stage) -> object:
        try:
            client = stage.client(MEDIA.number, MEDIA.hello, family=6, to=RELAY_AS_IT_COMES)
        except ConnectionRefusedError:
            return "refused"
        upstream = stage.arrived("media")
        upstream.send(b"y")
        return upstream.read(len(MEDIA.hello)), client.read(1)

    assert container.play(script) == ((MEDIA.hello, b"y"), "refused")


@difference("the-certificate-is-small-and-stays")
@pytest.mark.slow
def test_the_certificate_is_small_and_stays(make_both: MakeBoth, certificates: Path) -> None:
    make_certificates(certificates)
    both = make_both(Variant(certificate="rsa"))

    def script(stage: Stage) -> object:
        ends = [TlsEnd(stage.client(CHAT_TLS.number)) for _ in range(2)]
        first, second = (x509.load_der_x509_certificate(one.certificate) for one in ends)
        assert first == second
        return first.public_key()

    ours, reference = both.play(script)
    assert isinstance(ours, ec.EllipticCurvePublicKey)
    assert isinstance(ours.curve, ec.SECP256R1)
    assert isinstance(reference, rsa.RSAPublicKey)
    assert reference.key_size == 4096


@difference("header-in-pieces")
@pytest.mark.parametrize("header", [HEADER, build("v2", BALANCED[4])], ids=["v1", "v2"])
def test_header_in_pieces(container: Both, header: bytes) -> None:
    def script(stage: Stage) -> object:
        client = stage.client(PLAIN.number, header[:9])
        # The first piece has been seen before the second one comes: the reference resets.
        if stage is container.reference:
            return client.rest()
        assert client.within(A_WHILE) == OPEN
        client.send(header[9:20]).send(header[20:] + HELLO)
        upstream = stage.arrived()
        return read_header(stage, "chat", upstream), upstream.read(len(HELLO))

    assert container.play(script) == ((HEADER, HELLO), RESET)


@difference("header-without-addresses")
@pytest.mark.parametrize(
    "header",
    [
        v2(0x21, 0x00, b""),
        v2(0x21, 0x12, PACKED_4),
        v2(0x21, 0x31, bytes(216)),
        b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
    ],
    ids=["unspecified", "UDP", "unix", "UNKNOWN"],
)
def test_header_without_addresses(container: Both, header: bytes) -> None:
    assert container.play(lambda stage: relayed_after(stage, header)) == (True, RESET)


@difference("header-ports-are-checked")
@pytest.mark.parametrize("ports", [b"01 2", b"1 65536"])
def test_header_ports_are_checked(container: Both, ports: bytes) -> None:
    header = b"PROXY TCP4 203.0.113.77 192.0.2.99 " + ports + b"\r\n"
    assert container.play(lambda stage: relayed_after(stage, header)) == (RESET, True)


@difference("header-checksums-are-skipped")
def test_header_checksums_are_skipped(container: Both) -> None:
    header = v2(0x21, 0x11, PACKED_4 + b"\x03" + struct.pack("!HI", 4, 12345))
    assert container.play(lambda stage: relayed_after(stage, header)) == (True, RESET)


@difference("balancer-ports-take-both")
def test_balancer_ports_take_both(container: Both) -> None:
    def plain_on_8443(stage: Stage) -> object:
        client = stage.client(BEHIND_TLS.number, HEADER + HELLO)
        if stage is container.reference:
            return client.within(A_WHILE), stage.nothing_arrived
        upstream = stage.arrived()
        read_header(stage, "chat", upstream)
        return upstream.read(len(HELLO))

    ours, reference = container.play(plain_on_8443)
    assert ours == HELLO
    # It waits for the rest of what might be TLS.
    assert reference in ((OPEN, True), (END, True), (RESET, True))

    def tls_on_8222(stage: Stage) -> object:
        raw = stage.client(BEHIND_PLAIN.number, HEADER)
        if stage is container.reference:
            raw.send(b"\x16\x03\x01")
            upstream = stage.arrived()
            read_header(stage, "chat", upstream)
            return upstream.read(3)
        TlsEnd(raw).send(HELLO)
        upstream = stage.arrived()
        read_header(stage, "chat", upstream)
        return upstream.read(len(HELLO))

    assert container.play(tls_on_8222) == (HELLO, b"\x16\x03\x01")


@difference("statistics-are-not-public")
def test_statistics_are_not_public(container: Both) -> None:
    def script(stage: Stage) -> object:
        try:
            return stage.client(8199, REQUEST).read(12)
        except ConnectionRefusedError:
            return "refused"

    assert container.play(script) == ("refused", b"HTTP/1.1 200")
