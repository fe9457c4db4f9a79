"""What the relay tells about itself: written by the relay, read by the page, the lights and the command line.

Only sums stand here. No field can hold a client's address, and none may be added that can.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from appliance.files import write_atomically
from appliance.settings.problem import Problem


@dataclass(frozen=True, slots=True)
class PortStatus:
    """One listening port: what it carries (``chat-tls``, ``chat``, ``media``, ``balancer``), and its trouble."""

    port: int
    carries: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamStatus:
    """One group of upstreams: reachable or not, None while nobody has tried; and why not, in plain words."""

    reachable: bool | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """The relay at one moment.

    Args:
        written: seconds since boot.
        version: of the running code.
        phase: ``starting``, ``running`` or ``stopping``.
        workers: how many processes relay.
        connections: people's connections now, all ports together.
        max_connections: past this many a new one is refused.
        ports: every port that the settings ask for.
        upstreams: by group: ``chat``, ``http``, ``media``.
        counters: sums since the relay started: name, then label (a port or a reason), then number.
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
    problems: tuple[Problem, ...] = ()

    @property
    def troubles(self) -> tuple[str, ...]:
        """What needs somebody's attention although chat is relayed: ports in use, media unreachable."""
        ports = [one.trouble for one in self.ports]
        upstreams = [one.trouble for one in self.upstreams.values()]
        return tuple(one for one in (*(one.what for one in self.problems), *ports, *upstreams) if one)


def publish(path: Path, status: RelayStatus) -> None:
    """Write the status for the other processes; the folder is in RAM.

    Raises:
        OSError: the folder is missing or full.
    """
    write_atomically(path, json.dumps(asdict(status), separators=(",", ":")).encode(), durable=False)


def read(path: Path) -> RelayStatus | None:
    """The relay's last word, or None when there is none that can be read."""
    try:
        return _from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _from_json(raw: dict[str, Any]) -> RelayStatus:
    return RelayStatus(
        **{
            **raw,
            "written": float(raw["written"]),
            "ports": tuple(PortStatus(**one) for one in raw["ports"]),
            "upstreams": {name: UpstreamStatus(**one) for name, one in raw["upstreams"].items()},
            "problems": tuple(Problem(**one) for one in raw["problems"]),
        }
    )
