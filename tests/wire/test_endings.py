"""How streams end: each side first, in order and by reset, idle, and upstreams that are not what they should be."""

import socket
import ssl
import time

import pytest

from tests.relay.running import PATIENCE
from tests.wire.stage import Both, End, Seen, Stage
from tests.wire.talking import CHAT, CHAT_TLS, HELLO, MEDIA, Port, connect, opened, read_header
from tests.wire.tls_end import TlsEnd

THREE = pytest.mark.parametrize("port", [CHAT_TLS, CHAT, MEDIA], ids=str)
REST = bytes(range(256)) * 1000
END = Seen(b"", "end")


@THREE
def test_the_client_ends_first(container: Both, port: Port) -> None:
    def script(stage: Stage) -> object:
        client, upstream = opened(stage, port)
        client.send(b"bye").finish()
        at_upstream = upstream.rest()
        upstream.send(REST).finish()
        return at_upstream, client.rest()

    assert container.same(script) == (Seen(b"bye", "end"), Seen(REST, "end"))


@THREE
def test_the_upstream_ends_first(container: Both, port: Port) -> None:
    def script(stage: Stage) -> object:
        client, upstream = opened(stage, port)
        upstream.send(b"bye").finish()
        at_client = client.rest()
        client.send(REST).finish()
        return at_client, upstream.rest()

    assert container.same(script) == (Seen(b"bye", "end"), Seen(REST, "end"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
@pytest.mark.parametrize("how", ["close_notify alone", "FIN alone"])
def test_the_client_ends_its_tls_by_halves(container: Both, how: str, version: ssl.TLSVersion) -> None:
    def script(stage: Stage) -> object:
        raw = stage.client(CHAT_TLS.number)
        client = TlsEnd(raw, version)
        client.send(HELLO)
        upstream = stage.arrived()
        read_header(stage, "chat", upstream)
        if how == "FIN alone":
            raw.finish()
        else:
            client.close_notify()
        at_upstream = upstream.rest()
        upstream.send(REST).finish()
        return at_upstream, client.rest()

    assert container.same(script) == (Seen(HELLO, "end"), Seen(REST, "end"))


@THREE
def test_the_client_resets(container: Both, port: Port) -> None:
    def script(stage: Stage) -> object:
        client, upstream = opened(stage, port)
        upstream.send(b"x")
        client.read(1)
        client.reset()
        return upstream.rest()

    assert container.same(script) == Seen(b"", "reset")


@THREE
def test_the_upstream_resets(container: Both, port: Port) -> None:
    def script(stage: Stage) -> object:
        client, upstream = opened(stage, port)
        upstream.send(b"x")
        client.read(1)
        upstream.reset()
        return client.rest()

    assert container.same(script) == END


@THREE
def test_the_upstream_resets_after_its_half(container: Both, port: Port) -> None:
    def script(stage: Stage) -> object:
        client, upstream = opened(stage, port)
        upstream.send(b"bye").finish()
        at_client = client.rest()
        upstream.reset()
        return at_client, is_cut(client)

    assert container.same(script) == (Seen(b"bye", "end"), True)


@THREE
def test_the_upstream_resets_after_the_clients_half(container: Both, port: Port) -> None:
    def script(stage: Stage) -> object:
        client, upstream = opened(stage, port)
        client.finish()
        at_upstream = upstream.rest()
        upstream.reset()
        return at_upstream, client.rest()

    assert container.same(script) == (END, END)


def is_cut(client: End) -> bool:
    """Whether a client that has heard the other side's end, and goes on with its words, is told that nobody listens."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            client.send(b"x")
        except OSError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_a_damaged_record_ends_the_stream_with_an_alert(container: Both, version: ssl.TLSVersion) -> None:
    def script(stage: Stage) -> object:
        raw = stage.client(CHAT_TLS.number)
        client = TlsEnd(raw, version)
        client.send(HELLO)
        upstream = stage.arrived()
        read_header(stage, "chat", upstream)
        upstream.read(len(HELLO))
        raw.send(b"\x17\x03\x03\x00\x20" + bytes(32))
        return upstream.rest(), client.rest()

    assert container.same(script) == (Seen(b"", "reset"), Seen(b"", "SSLV3_ALERT_BAD_RECORD_MAC"))


def test_what_is_no_greeting_on_the_tls_port(container: Both) -> None:
    def script(stage: Stage) -> object:
        seen = stage.client(CHAT_TLS.number, b"\x16\x03\x01\x00\x10" + bytes(16)).rest()
        assert stage.nothing_arrived
        return seen

    # Byte for byte the same silence, or the same alert.
    assert container.same(script).ending == "end"


@THREE
def test_an_upstream_that_ends_at_once(container: Both, port: Port) -> None:
    def greet(connection: socket.socket) -> None:
        End(connection).send(b"bye").finish()

    def script(stage: Stage) -> object:
        stage.upstreams[port.upstream].greet = greet
        try:
            client = connect(stage, port).send(port.hello)
            at_client = client.rest()
            upstream = stage.arrived(port.upstream)
            read_header(stage, port.upstream, upstream)
            client.finish()
            return at_client, upstream.rest()
        finally:
            del stage.upstreams[port.upstream].greet

    assert container.same(script) == (Seen(b"bye", "end"), Seen(port.hello, "end"))


@pytest.mark.slow
def test_quiet_streams_are_ended_at_the_idle_limit(hasty: Both) -> None:
    limit = hasty.porchlight.variant.idle

    def script(stage: Stage) -> object:
        before = time.monotonic()
        streams = [opened(stage, port) for port in (CHAT_TLS, CHAT, MEDIA)]
        after = time.monotonic()
        seen = []
        for client, upstream in streams:
            seen += [client.rest(), upstream.rest()]
            now = time.monotonic()
            # Five percent, and what a busy machine adds.
            assert now - before >= 0.95 * limit, stage.name
            assert now - after <= 1.05 * limit + 1.0, stage.name
        return seen

    assert hasty.same(script) == [END] * 6


@pytest.mark.slow
def test_bytes_one_way_keep_a_stream_alive(hasty: Both) -> None:
    limit = hasty.porchlight.variant.idle

    def script(stage: Stage) -> object:
        up, down = (opened(stage, MEDIA) for _ in range(2))
        for _ in range(6):
            time.sleep(limit / 4)
            up[0].send(b"x")
            down[1].send(b"x")
            assert (up[1].read(1), down[0].read(1)) == (b"x", b"x"), stage.name
        return [end.rest() for end in (*up, *down)]

    assert hasty.same(script) == [END] * 4
