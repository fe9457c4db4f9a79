"""The looks at the running system, against real servers on this computer's loopback."""

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import pytest

from appliance.clock import since_boot
from appliance.paths import Paths
from appliance.settings.declared import PageSettings, RelaySettings, Settings, UpstreamSettings
from appliance.status.relay import QuotaStatus, RelayStatus, UpstreamStatus, publish
from appliance.update import probe
from appliance.update.verdict import Seen


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does something with each connection: its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        serve(connection)

        threading.Thread(target=run, daemon=True).start()
        yield listener.getsockname()[1]
        # Wakes accept up.
        listener.shutdown(socket.SHUT_RDWR)


def answering(connection: socket.socket) -> None:
    """What WhatsApp's server does with a greeting: answers."""
    if connection.recv(65536).startswith(b"\x16\x03"):
        connection.sendall(b"\x16\x03\x03")


def silent(connection: socket.socket) -> None:
    """Hears the greeting and hangs up."""
    connection.recv(65536)


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def page(status: int) -> Iterator[int]:
    """A page that always answers so: its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize(("status", "expected"), [(200, True), (403, True), (500, False)])
def test_page(status: int, expected: bool) -> None:
    with page(status) as port:
        assert probe.page_answers(Settings(page=PageSettings(port=port))) is expected
    assert not probe.page_answers(Settings(page=PageSettings(port=port)))


def test_what_is_not_tls_does_not_count() -> None:
    with listening(answering) as port:
        assert not probe.tls_answers(port)
    assert not probe.tls_answers(port)


def test_greeting_is_tls_and_names_the_server() -> None:
    first = probe.hello("media.example.org")
    assert first.startswith(b"\x16\x03")
    assert b"media.example.org" in first


@pytest.mark.parametrize(
    ("relay", "upstream", "chat", "chat_there", "expected"),
    [
        (answering, answering, True, True, Seen(True, True, relayed=True, direct=True)),
        (silent, answering, True, True, Seen(True, True, relayed=False, direct=True)),
        (silent, silent, True, True, Seen(True, True, relayed=False, direct=False)),
        # Media alone are not enough: where only the relay does not reach the chat, the relay is to blame.
        (answering, answering, False, True, Seen(True, True, relayed=False, direct=True)),
        (answering, answering, None, True, Seen(True, True, relayed=False, direct=True)),
        (answering, answering, False, False, Seen(True, True, relayed=False, direct=False)),
        (silent, answering, False, False, Seen(True, True, relayed=False, direct=False)),
    ],
)
def test_all_together(
    paths: Paths,
    relay: Callable[[socket.socket], None],
    upstream: Callable[[socket.socket], None],
    chat: bool | None,
    chat_there: bool,
    expected: Seen,
) -> None:
    status = RelayStatus(since_boot(), "1.0.0", "running", upstreams={"chat": UpstreamStatus(reachable=chat)})
    publish(paths.relay_status, status)
    with ExitStack() as stack:
        media, there = stack.enter_context(listening(relay)), stack.enter_context(listening(upstream))
        chats = stack.enter_context(listening(silent)) if chat_there else closed_port()
        servers = UpstreamSettings(chat=(f"127.0.0.1:{chats}",), media=(f"127.0.0.1:{there}",))
        settings = Settings(
            # Without a chat port with TLS there is no handshake to be seen.
            relay=RelaySettings(chat_tls_port=0, chat_ports=(5222,), media_ports=(media,), upstream=servers),
            page=PageSettings(port=stack.enter_context(page(200))),
        )
        assert probe.look(paths, settings) == expected
        # A relay that rests for the month refuses everybody, and is not to blame for it.
        resting = replace(status, quota=QuotaStatus(1, 2, "2026-11"))
        publish(paths.relay_status, resting)
        assert probe.look(paths, settings).allowed is False
        # A relay that says nothing any more does not run.
        publish(paths.relay_status, replace(status, written=since_boot() - 2 * probe.FRESH))
        found = probe.look(paths, settings)
        assert (found.ports, found.relayed) == (False, False)


@pytest.mark.parametrize("reachable", [True, False])
@pytest.mark.parametrize(
    "relay",
    [
        RelaySettings(chat_tls_port=0, media_ports=()),
        # There nobody gets an answer without a PROXY header.
        RelaySettings(chat_tls_port=443, media_ports=(587,), balancer_ports=(443, 587)),
        None,
    ],
    ids=["no-port", "behind-a-balancer", "no-server"],
)
def test_where_no_media_are_relayed_the_relay_s_own_word_counts(
    paths: Paths, relay: RelaySettings | None, reachable: bool
) -> None:
    """On a chat port nobody but an app can make a stream, so there is none to try."""
    upstream = UpstreamStatus(reachable=reachable)
    publish(paths.relay_status, RelayStatus(since_boot(), "1.0.0", "running", upstreams={"chat": upstream}))
    relay = relay or RelaySettings(chat_tls_port=0, upstream=UpstreamSettings(media=()))
    with page(200) as port:
        assert probe.look(paths, Settings(relay=relay, page=PageSettings(port=port))).relayed is reachable
