"""Looks at the running system from outside, as a person would: the page, the relay's ports, a stream through one."""

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress

from appliance.clock import since_boot
from appliance.paths import Paths
from appliance.relay.ports import groups_of, looked_at, ports_of
from appliance.settings.declared import Settings
from appliance.settings.kinds import split_host_port
from appliance.status import relay as relay_status
from appliance.update.verdict import Seen

LOOPBACK = "127.0.0.1"
# Seconds for each question. Through the relay an upstream is dialled first, which takes 4.5 s at most.
PATIENCE = 15.0
# Seconds: the relay publishes its status about once a second.
FRESH = 20.0


def page_answers(settings: Settings) -> bool:
    """Whether the setup page answers a browser on this device, whatever it says."""
    address = f"http://{LOOPBACK}:{settings.page.port}/"
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            return int(answer.status) < 500
    except urllib.error.HTTPError as error:
        # Redirections that cannot be followed, or a page that wants a password.
        return error.code < 500
    except (OSError, ValueError):
        return False


def tls_answers(port: int) -> bool:
    """Whether the relay completes a TLS handshake on its chat port, with whatever certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((LOOPBACK, port), PATIENCE) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as stream,
        ):
            return bool(stream.cipher())
    except (OSError, ValueError):
        return False


def hello(name: str) -> bytes:
    """The first bytes of a TLS client that asks for this server: what an app says first on a media port."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def answers(address: tuple[str, int], first: bytes) -> bool:
    """Whether somebody answers these first bytes with at least one of their own: both directions work."""
    try:
        with socket.create_connection(address, PATIENCE) as connection:
            connection.sendall(first)
            return bool(connection.recv(1))
    except OSError:
        return False


def connects(servers: Sequence[str]) -> bool:
    """Whether one of these, each ``"host:port"``, takes a connection."""
    for server in servers:
        with suppress(OSError), socket.create_connection(split_host_port(server), PATIENCE):
            return True
    return False


def look(paths: Paths, settings: Settings) -> Seen:
    """Look at everything once.

    A media port is used for the stream: there the first bytes are those of TLS, which WhatsApp's servers answer to
    anybody. On a chat port they would have to be a sign-in that only an app can make; there it has to do that the relay
    reaches a server, and without the relay that anybody does.
    """
    status = relay_status.read(paths.relay_status)
    running = status is not None and since_boot() - status.written <= FRESH and status.phase == "running"
    allowed = status is None or not (status.resting or (status.quota and status.quota.reached))
    relay = settings.relay
    media = split_host_port(relay.upstream.media[0]) if relay.upstream.media else None
    first = hello(media[0]) if media else b""
    tls_port, media_port = looked_at(relay)
    ports = running and (not allowed or not tls_port or tls_answers(tls_port))
    told = status.upstreams if running and status else {}
    streamed = bool(running and media and media_port) and answers((LOOPBACK, media_port), first)
    if not media_port or not media:
        # An owner who relays no media, or for a balancer alone: then what the relay itself says about an upstream has
        # to do.
        streamed = any(one.reachable for one in told.values())
    chat = "chat" not in groups_of(ports_of(relay)) or bool("chat" in told and told["chat"].reachable)
    direct = (streamed or (media is not None and answers(media, first))) and (chat or connects(relay.upstream.chat))
    return Seen(page_answers(settings), ports, streamed and chat, direct, allowed)
