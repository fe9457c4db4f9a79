"""What the router service found out: written by it, read by page and checks."""

import json
from dataclasses import dataclass
from pathlib import Path

from appliance.network.verdict import Verdict

# Seconds after which its word is old.
STALE_AFTER = 60.0


@dataclass(frozen=True, slots=True)
class MappedPort:
    """One port that the router was asked to lead here."""

    port: int
    outer_port: int
    state: str


@dataclass(frozen=True, slots=True)
class RouterStatus:
    """The router at one moment.

    Args:
        written: seconds since boot.
        verdict: whether people get through it.
        method: how it was asked; empty when it does not listen.
        outer: its own outer address, as it says; empty when unknown.
        seen: the address that the outside sees; empty when unknown.
        gateway_page: where its own setup page is.
        ports: what it leads here.
        trouble: what went wrong, in plain words; empty when nothing did.
    """

    written: float
    verdict: Verdict
    method: str = ""
    outer: str = ""
    seen: str = ""
    gateway_page: str = ""
    ports: tuple[MappedPort, ...] = ()
    trouble: str = ""


def read(path: Path, now: float) -> RouterStatus | None:
    """The router service's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.router_status``.
        now: seconds since boot.
    """
    try:
        raw = json.loads(path.read_bytes())
        raw |= {"verdict": Verdict(raw["verdict"]), "ports": tuple(MappedPort(**one) for one in raw.get("ports", ()))}
        found = RouterStatus(**raw)
        return found if now - found.written <= STALE_AFTER else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
