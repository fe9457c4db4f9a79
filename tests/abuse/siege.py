"""What the attackers and those who are attacked have in common: many addresses, running streams, measured visits."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from appliance.relay.stream import RESET_ON_CLOSE
from tests.relay.running import MEDIA_HELLO, PATIENCE, Relay, Steady, Upstream, keep, read_exactly, read_line
from tests.relay.test_wire import HELLO, tls_connect

# Connections of a flood that are under way at the same time; the kernel's queue holds 4,096.
AT_ONCE = 500
# Seconds: what is promised to whoever comes during an attack, for 99 of a hundred.
ANSWERED_WITHIN = 2.0


# What was seen, a line each (``told``).
seen: list[str] = []

alone = [pytest.mark.slow, pytest.mark.alone]
# For attacks whose short version is another test: ``./test abuse`` alone runs them, at the promised size.
long = [pytest.mark.long, pytest.mark.timeout(1200)]


def few_or_many(few: int, many: int) -> pytest.MarkDecorator:
    """The short version of an attack, in ``./test``, and the one of the promised size, in ``./test abuse``."""
    return pytest.mark.parametrize(
        "size",
        [
            pytest.param(few, id="few", marks=alone),
            pytest.param(many, id="many", marks=long),
        ],
    )


def address(number: int, *, of: int = 250) -> str:
    """One of many addresses of this device, ``of`` of them in each /24."""
    neighbourhood, own = divmod(number, of)
    return f"127.{10 + neighbourhood // 250 % 200}.{neighbourhood % 250}.{1 + own}"


def begin(number: int, port: int, *, of: int = 1) -> socket.socket:
    """Begin to connect from an address of one's own."""
    one = keep(socket.socket())
    one.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
    one.bind((address(number, of=of), 0))
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", port))
    return one


def arrive(number: int, port: int, data: bytes = b"", *, of: int = 1) -> socket.socket:
    """The same, and wait until it stands.

    Raises:
        ConnectionError: it is refused already.
    """
    one = begin(number, port, of=of)
    one.settimeout(PATIENCE)
    with suppress(BlockingIOError):
        one.connect(("127.0.0.1", port))
    one.sendall(data)
    return one


def reset(one: socket.socket) -> None:
    """End a connection as an attacker does: at once."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    one.close()


def flood(count: int, port: int) -> list[float]:
    """Connect that many clients from as many neighbourhoods; how many seconds each waited until it was refused."""
    took: list[float] = []
    numbers = iter(range(count))
    with selectors.DefaultSelector() as waiting:
        while True:
            while len(waiting.get_map()) < AT_ONCE and (number := next(numbers, None)) is not None:
                waiting.register(begin(number, port), selectors.EVENT_READ, time.monotonic())
            if not waiting.get_map():
                return took
            ready = waiting.select(PATIENCE)
            assert ready, f"nobody was told for a minute, after {len(took)}"
            for key, _events in ready:
                assert isinstance(key.fileobj, socket.socket)
                with suppress(ConnectionError):
                    assert key.fileobj.recv(1) == b""
                took.append(time.monotonic() - key.data)
                waiting.unregister(key.fileobj)
                key.fileobj.close()


@contextmanager
def steady_streams(relay: Relay, upstream: Upstream) -> Iterator[Sequence[Steady]]:
    """Three streams that run both ways the whole time: chat, chat in TLS, media. At the end none has lost a byte."""
    running = []
    for port, hello in ((relay.chat, HELLO), (relay.tls, HELLO), (relay.media, MEDIA_HELLO)):
        client = tls_connect(port, hello) if port == relay.tls else relay.connect(port, hello)
        server = upstream.next()
        if port != relay.media and relay.settings.get("send_proxy") != "off":
            read_line(server)
        assert read_exactly(server, len(hello)) == hello
        running.append(Steady(client, server))
    for one in running:
        one.start()
    yield running
    for one in running:
        one.check()
        one.stop()


def percentile(took: Sequence[float], part: float = 0.99) -> float:
    """What that part of the visits needed at most, in seconds."""
    return sorted(took)[min(len(took) - 1, int(len(took) * part))]


def timed(visit: Callable[[], object]) -> float:
    """How many seconds something takes."""
    begun = time.monotonic()
    visit()
    return time.monotonic() - begun


def memory_of(process: int, field: str) -> int:
    """A line of a process's status, in bytes: ``VmRSS``, ``VmData``."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(field)


def told(what: str, **figures: float) -> None:
    """Note what was seen, to be shown when all is over."""
    seen.append(f"{what}: " + ", ".join(f"{name.replace('_', ' ')} {figure:.4g}" for name, figure in figures.items()))
