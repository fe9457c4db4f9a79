"""What the relay tells about itself: written by the relay, read by the page, the lights and the command line.

Only sums stand here. No field can hold a client's address, and none may be added that can.
"""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from appliance.files import UNREADABLE, write_atomically
from appliance.settings.problem import Problem, Severity
from appliance.status.knock import KnockStatus
from appliance.status.shape import fits
from appliance.text import packed, unpacked


@dataclass(frozen=True, slots=True)
class PortStatus:
    """One listening port.

    Args:
        port: its number.
        carries: ``chat-tls``, ``chat``, ``media`` or ``chat-any``.
        trouble: why it is not open, in plain words; empty when it is.
        reached_outside: when somebody who is not of the home network last got through on it: seconds since boot, in
            whole minutes; None when nobody did since then.
    """

    port: int
    carries: str
    trouble: str = ""
    reached_outside: int | None = None


class Cause(StrEnum):
    """Why upstreams are not reached."""

    UNRESOLVED = "unresolved"
    FORGED = "forged"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class UpstreamStatus:
    """One group of upstreams.

    Args:
        reachable: or not; None while nobody has tried.
        trouble: why not, in plain words for the log and for programs.
        cause: the same in one word (``Cause``); empty when they are reached.
    """

    reachable: bool | None
    trouble: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class QuotaStatus:
    """The month's data.

    Args:
        limit: bytes a month, as the setting says.
        used: bytes counted this month, as the Internet provider counts them.
        month: which month it is, such as ``2026-11``; empty as long as nobody has told the time.
        trouble: what is wrong with the count, in plain words; empty when nothing is.
    """

    limit: int
    used: int
    month: str
    trouble: str = ""

    @property
    def reached(self) -> bool:
        """Whether the relay rests until the next month."""
        return self.used >= self.limit


@dataclass(frozen=True, slots=True)
class CertificateServed:
    """The certificate that people get.

    Args:
        kind: ``self-signed`` or ``public``.
        not_after: its end, in seconds since 1970.
    """

    kind: str
    not_after: int


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """The relay at one moment.

    Args:
        written: seconds since boot.
        version: of the running code.
        phase: ``starting``, ``running`` or ``stopping``.
        workers: how many processes take newcomers.
        connections: people's connections now, all ports together.
        started: when this relay began, in seconds since boot; None when it does not say.
        used_lately: whether anybody was connected in the last window of time (``appliance.relay.use``): the only thing
            about people that the lights show.
        resting: why nobody is let in: ``off`` or ``paused`` by the owner's wish, or ``quota``; empty while it relays.
        max_connections: past this many a new one is refused.
        ports: every port that the settings ask for.
        upstreams: by group: ``chat``, ``http``, ``media``.
        counters: sums since the relay started: name, then port.
        by_reason: the same told apart further: name, then port, then reason; for a histogram (``..._seconds``) the
            upper bound of a class in seconds instead, with the number in that class alone.
        quota: how much of this month's data is used up; None when there is no limit.
        certificate: what people get in TLS; None while there is none.
        knock: whether the owner's link was opened, while there is one.
        problems: what is wrong with the relay as a whole.
    """

    written: float
    version: str
    phase: str
    workers: int = 0
    connections: int = 0
    max_connections: int = 0
    ports: tuple[PortStatus, ...] = ()
    upstreams: dict[str, UpstreamStatus] = field(default_factory=dict)
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    by_reason: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    quota: QuotaStatus | None = None
    resting: str = ""
    certificate: CertificateServed | None = None
    knock: KnockStatus | None = None
    problems: tuple[Problem, ...] = ()
    started: float | None = None
    used_lately: bool = False


def publish(path: Path, status: RelayStatus) -> None:
    """Write the status for the other processes; the folder is in RAM.

    Raises:
        OSError: the folder is missing or full.
    """
    write_atomically(path, json.dumps(packed(status), separators=(",", ":")).encode(), durable=False)


def read(path: Path) -> RelayStatus | None:
    """The relay's last word, or None when there is none that can be read."""
    try:
        found = _from_json(unpacked(json.loads(path.read_bytes())))
    except UNREADABLE:
        return None
    return found if fits(found, RelayStatus) else None


def _from_json(raw: dict[str, Any]) -> RelayStatus:
    return RelayStatus(
        **{
            **raw,
            "written": float(raw["written"]),
            "ports": tuple(PortStatus(**one) for one in raw["ports"]),
            "upstreams": {name: UpstreamStatus(**one) for name, one in raw["upstreams"].items()},
            "problems": tuple(
                Problem(**{**one, "severity": Severity(one.get("severity", Severity.TROUBLE))})
                for one in raw["problems"]
            ),
            "quota": QuotaStatus(**raw["quota"]) if raw.get("quota") else None,
            "certificate": CertificateServed(**raw["certificate"]) if raw.get("certificate") else None,
            "knock": KnockStatus(**raw["knock"]) if raw.get("knock") else None,
        }
    )
