"""100,000 bad inputs for each of the relay's parsers: nothing but the declared error, and no change of mind."""

import random
import ssl
import sys
from contextlib import suppress
from typing import Literal

import pytest

from appliance.relay import certificate
from appliance.relay.first_bytes import Peer, classify
from appliance.relay.proxy_header import LONGEST_V1, LONGEST_V2, SIGNATURE_V2, Ends, ProxyHeaderError, build, parse
from appliance.relay.tls import TlsError, log_no_names
from tests.fuzz.counts import cases
from tests.relay.mutation import mutations, pieces
from tests.relay.pumping import TlsSide

CASES = cases(2000, 100_000)
# More of them in one row would make fewer rows, and so fewer of them bad.
RECORDS_IN_A_ROW = 40
FOUR = Ends("203.0.113.7", "198.51.100.1", 50000, 443)
SIX = Ends("2001:db8::7", "2001:db8::1", 50000, 443)
FORMS: tuple[Literal["v1", "v2"], ...] = ("v1", "v2")
HEADERS = [build(form, ends) + b"WA\x06\x03" for form in FORMS for ends in (FOUR, SIX)]
HEADERS += [b"PROXY UNKNOWN\r\n", SIGNATURE_V2 + b"\x20\x00\x00\x00", HEADERS[2][:14] + b"\x00\x12" + HEADERS[2][16:28]]
HEADERS += [HEADERS[2][:14] + b"\x00\x19" + HEADERS[2][16:28] + b"\x04\x00\x03abc\xe0\x00\x04data"]
GREETINGS = [b"WA\x06\x03" + bytes(30), b"ED\x00\x01\x00\x00\x04abcdWA\x05\x03", b"\x16\x03\x01\x02\x00\x01\x00"]
REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: porchlight.local\r\nUser-Agent: x\r\n\r\n",
    b"HEAD /index.html HTTP/1.0\r\nhost:[fd00::1]:80\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


@CASES
def test_proxy_headers(count: int) -> None:
    taken = refused = 0
    for data in mutations(HEADERS, count, seed=1):
        try:
            header = parse(data)
        except ProxyHeaderError:
            refused += 1
            continue
        if header is None:
            # More may be asked for only as long as there can be a header.
            assert len(data) < LONGEST_V2
            continue
        taken += 1
        assert header.size <= min(len(data), LONGEST_V2)
        # It is the same header when more follows, and none yet when something is missing.
        assert parse(data + b"\xff more") == header
        assert parse(data[: header.size]) == header
        assert parse(data[: header.size - 1]) is None
        if data.startswith(b"PROXY"):
            assert header.size <= LONGEST_V1
        if header.ends:
            # What is told upstream is well-formed, whatever came in.
            for form in FORMS:
                again = parse(build(form, header.ends))
                assert again is not None
                assert again.ends == header.ends
    # Bad input that is never bad, or always, would show nothing.
    assert min(taken, refused) > count // 20


@CASES
def test_first_bytes(count: int) -> None:
    seen = set()
    for data in mutations(GREETINGS + REQUESTS, count, seed=2):
        peer = classify(data)
        seen.add(peer)
        if peer is not Peer.UNDECIDED:
            assert classify(data + b"more") is peer
    assert seen == set(Peer)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return certificate.rules(tmp_path_factory.mktemp("fuzz")).usual


def shake_hands(context: ssl.SSLContext, version: ssl.TLSVersion) -> tuple[ssl.SSLObject, ssl.MemoryBIO, TlsSide]:
    """A client that is connected to a session, with what it wants to send."""
    of_client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    of_client.check_hostname, of_client.verify_mode = False, ssl.CERT_NONE
    of_client.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = of_client.wrap_bio(incoming, outgoing, server_hostname="example.org")
    session = TlsSide(context)
    while not session.established:
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
        session.receive(outgoing.read())
        incoming.write(session.to_send())
    return client, outgoing, session


def first_flight(version: ssl.TLSVersion, name: str = "example.org") -> bytes:
    of_client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    of_client.maximum_version = version
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        of_client.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the relay: names that Python cannot read are not told about."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    log_no_names()


@pytest.mark.costly
@CASES
@pytest.mark.usefixtures("no_names")
def test_tls_handshakes(context: ssl.SSLContext, count: int) -> None:
    chance = random.Random(3)  # noqa: S311
    flights = [first_flight(version) for version in VERSIONS]
    answered = refused = 0
    for data in mutations(flights, count, seed=3):
        session = TlsSide(context)
        try:
            for piece in pieces(data, chance):
                assert session.receive(piece) == b""
        except TlsError:
            refused += 1
        # An answer is a certificate with what belongs to it, or an alert: never much, or this would amplify.
        answer = session.to_send()
        assert len(answer) < 4096
        answered += len(answer) > 100
        assert not session.established
        session.close()
    assert min(answered, refused) > count // 20


@CASES
@pytest.mark.costly
def test_tls_records(context: ssl.SSLContext, count: int) -> None:
    """One of some records in a row is damaged; a handshake goes before each row, so that these are fewer.

    Each sixth row stays whole, to show that what is right gets through.
    """
    whole = refused = records = 0
    chance = random.Random(6)  # noqa: S311
    while records < count:
        client, outgoing, session = shake_hands(context, VERSIONS[records % 2])
        sent, plain = b"", b""
        damaged = chance.randrange(RECORDS_IN_A_ROW * 6 // 5)
        try:
            for number in range(RECORDS_IN_A_ROW):
                words = b"WA\x06\x03" + bytes(range(256)) * chance.randrange(4)
                sent += words
                client.write(words)
                data = outgoing.read()
                if number == damaged:
                    (data,) = mutations([data], 1, seed=records)
                plain += session.receive(data)
        except TlsError:
            refused += 1
        # Whatever was changed on the way: nothing comes out that the client has not said.
        assert sent.startswith(plain)
        whole += plain == sent
        records += number + 1
        assert len(session.to_send()) < 4096
        session.close()
    assert min(whole, refused) > count // 1000
