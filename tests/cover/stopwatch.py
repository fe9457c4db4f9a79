"""How long a reaction takes, in milliseconds: to one connection, from relays whose upstreams differ."""

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from tests.cover.probes import PROBES, Server

# Rows of docs/cover.md that end at a limit: silence to the common one, or a dial's.
LATE = (
    "hello-cut-off",
    "half-a-request-on-443",
    "random-bytes-in-tls",
    "random-bytes",
    "request-cut-off",
    "silence",
    "half-a-word",
    "chat-cut-off",
    "routing-cut-off",
    "chat-cut-off-in-tls",
    "chat-replayed",
    "chat-in-tls",
    "hello-on-587",
    "hello-cut-off-on-587",
    "random-bytes-on-587",
    "http-on-587",
    "silence-on-587",
)
# Rows that are answered, and end, at once.
PROMPT = (
    "old-version",
    "page-in-tls",
    "http-on-443",
    "random-bytes-on-443",
    "chat-on-443",
    "page",
    "nowhere",
    "no-host",
    "http-1.0",
)
TRIES = 3
# Seconds between the medians of two relays that count as the same. The limits are looked at four times a second; what
# comes at once differs by what the machine does beside.
SAME_LATE, SAME_PROMPT = 0.3, 0.05
# Seconds between two that begin: within one look for the tries of a row, and not all rows at once.
BETWEEN_TRIES, BETWEEN_ROWS = 0.083, 0.02
# Most of a thread's time is waiting.
AT_ONCE = 200

# Of one row's reactions, by which relay's they are, in seconds.
Times = dict[str, list[float]]
# What was seen, a line each (``note``).
seen: list[str] = []


def _timed(name: str, server: Server, delay: float = 0.0) -> float:
    time.sleep(delay)
    begun = time.monotonic()
    PROBES[name](server)
    return time.monotonic() - begun


def late(servers: Mapping[str, Server]) -> dict[str, Times]:
    """The times of all rows that end late, side by side; of what stays open, the time of the prober's patience."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun: dict[str, dict[str, list[Future[float]]]] = {
            name: {
                which: [pool.submit(_timed, name, one, row * BETWEEN_ROWS + at * BETWEEN_TRIES) for at in range(TRIES)]
                for which, one in servers.items()
            }
            for row, name in enumerate(LATE)
        }
        return {
            name: {which: [one.result() for one in tries] for which, tries in each.items()}
            for name, each in begun.items()
        }


def prompt(servers: Mapping[str, Server]) -> dict[str, Times]:
    """The times of all rows that end at once, one after the other, the relays by turns."""
    found: dict[str, Times] = {name: {which: [] for which in servers} for name in PROMPT}
    for name, each in found.items():
        for _ in range(TRIES):
            for which, one in servers.items():
                each[which].append(_timed(name, one))
    return found


def note(name: str, medians: Mapping[str, float], limit: float) -> None:
    """Note what was seen, to be shown when all is over."""
    figures = ", ".join(f"{which} {took * 1000:.1f}" for which, took in medians.items())
    apart = (max(medians.values()) - min(medians.values())) * 1000
    seen.append(f"{name}: {figures} ms; {apart:.1f} apart, {limit * 1000:.0f} allowed")
