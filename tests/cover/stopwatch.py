"""How long a reaction takes, in milliseconds: from relays whose upstreams differ."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from tests.cover.probes import PROBES, Server

# Rows of docs/cover.md that end at a limit: silence to the common one, or a dial's.
LATE = (
    "hello-retry",
    "empty-lines-on-443",
    "empty-lines",
    "method-in-small-letters",
    "mistake-in-half-a-header",
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
    "bad-record-version-on-587",
    "bad-record-length-on-587",
    "empty-hello-on-587",
    "random-bytes-on-587",
    "http-on-587",
    "silence-on-587",
)
# Rows of which a clock would tell how long the prober takes: it starts openssl, for one of them seven times, or makes a
# client for each of a hundred ciphers, and an answer takes a few milliseconds.
UNTIMED = ("extensions", "ciphers", "groups", "tickets", "ticket-life", "early-data", "renegotiation", "stapling")
# All others are answered, and end, at once, those of several connections each time.
PROMPT = tuple(name for name in PROBES if name not in {*LATE, *UNTIMED})
TRIES = 3
# A busy machine may hold up one relay and not the others: a row whose medians differ is tried again, so many times in
# all. What the upstream is to blame for comes again each time.
ROUNDS = 3
# Seconds between the medians of two relays that count as the same. The limits are looked at four times a second; what
# comes at once differs by what the machine does beside.
SAME_LATE, SAME_PROMPT = 0.3, 0.05
# Seconds between two that begin: the tries of a row within one look, and one row after the other.
BETWEEN_TRIES, BETWEEN_ROWS = 0.083, 0.25

# Whom a row is tried with, by name; of one row's reactions, how long they took, by the same names, in seconds.
Servers = Mapping[str, Server]
Times = dict[str, list[float]]
# What was seen, a line each (``note``).
seen: list[str] = []


def measured(rows: Mapping[str, Servers]) -> dict[str, Times]:
    """How long the reactions to these rows take."""
    found: dict[str, Times] = {}
    left = dict(rows)
    for _ in range(ROUNDS):
        found |= _late({name: servers for name, servers in left.items() if name in LATE})
        found |= _prompt({name: servers for name, servers in left.items() if name in PROMPT})
        left = {name: servers for name, servers in left.items() if apart(found[name]) >= allowed(name)}
        if not left:
            break
    return found


def apart(times: Times) -> float:
    """How far the medians are from each other, in seconds."""
    medians = [median(took) for took in times.values()]
    return max(medians) - min(medians)


def allowed(name: str) -> float:
    """How far those of a row may be, in seconds."""
    return SAME_LATE if name in LATE else SAME_PROMPT


def note(name: str, times: Times) -> None:
    """Note what was seen, to be shown when all is over."""
    figures = ", ".join(f"{which} {median(took) * 1000:.1f}" for which, took in times.items())
    seen.append(f"{name}: {figures} ms; {apart(times) * 1000:.1f} apart, {allowed(name) * 1000:.0f} allowed")


def _timed(name: str, server: Server, delay: float = 0.0) -> float:
    time.sleep(delay)
    begun = time.monotonic()
    PROBES[name](server)
    return time.monotonic() - begun


def _late(rows: Mapping[str, Servers]) -> dict[str, Times]:
    """Those that end late, side by side."""
    with ThreadPoolExecutor(1 + TRIES * sum(len(servers) for servers in rows.values())) as pool:
        begun = {
            name: {
                which: [pool.submit(_timed, name, one, row * BETWEEN_ROWS + at * BETWEEN_TRIES) for at in range(TRIES)]
                for which, one in servers.items()
            }
            for row, (name, servers) in enumerate(rows.items())
        }
        return {
            name: {which: [one.result() for one in tries] for which, tries in each.items()}
            for name, each in begun.items()
        }


def _prompt(rows: Mapping[str, Servers]) -> dict[str, Times]:
    """Those that end at once, one after the other, the relays by turns."""
    found: dict[str, Times] = {name: {which: [] for which in servers} for name, servers in rows.items()}
    for name, servers in rows.items():
        for _ in range(TRIES):
            for which, one in servers.items():
                found[name][which].append(_timed(name, one))
    return found
