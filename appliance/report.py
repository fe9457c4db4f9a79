"""A report for the people who look after porchlight: how a device is doing, without saying whose it is.

Nobody has to be trusted for that, nor any text that another program wrote: every field of the report is made here, out
of numbers, of yes and no, and of words from lists that stand in the code (``Report``). No sentence, no setting's value
and no name is copied from anywhere, so no address, no name, no secret can slip in. Its owner sees the whole text before
it leaves the device, and sends it by hand.
"""

import json
import os
import platform
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from appliance import __version__
from appliance.clock import since_boot, told
from appliance.files import UNREADABLE
from appliance.page.coarse import coarse
from appliance.paths import Paths
from appliance.relay.rest import RESTS
from appliance.relay.sums import BY_PORT, BY_REASON, HISTOGRAMS, LONGER
from appliance.settings.declared import Settings, is_section
from appliance.settings.load import load
from appliance.status import relay as relay_status
from appliance.status.relay import RelayStatus
from appliance.status.state import State

# How lately something was: seconds, and the word for less than that.
LATELY = ((86_400, "within a day"), (3 * 86_400, "within three days"))
# The services that leave a status in RAM, by the name of their folder.
SERVICES = ("relay", "page", "lights", "router", "name", "certificate", "update")
CARRIES = ("chat-tls", "chat", "media", "chat-any")
GROUPS = ("chat", "http", "media")
PHASES = ("starting", "running", "stopping")
# A version has no fourth number, which would make it look like an address; nor is what follows it shown.
VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,5}){0,2}")
BOARD = re.compile(r"Raspberry Pi (?:[0-9]{1,3}|Zero|Compute Module|Model)[A-Za-z0-9 +.]{0,40}")
ARCHITECTURES = ("aarch64", "armv7l", "armv6l", "x86_64")
OTHER = "other"
MODEL = Path("/proc/device-tree/model")
MEMORY = Path("/proc/meminfo")
OS_RELEASE = Path("/etc/os-release")
MIB = 1024 * 1024
Counted = TypeVar("Counted")


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told.

    Args:
        form: the version of this form.
        porchlight: the version that runs.
        kernel: Linux's version.
        python: Python's version.
        debian: Debian's version.
        architecture: of the processor.
        board: which Raspberry Pi.
        memory_mib: what there is, and what is free, in MiB.
        card_free_mib: room for what is saved.
        up_minutes: since the device was switched on.
        clock_told: whether somebody has told it the time.
        state: what the lights show.
        problems: the checks that have found something.
        status_seconds: how old each service's last word is.
        changed_settings: names of the settings that are not as on a fresh card; never their values.
        relay: what the relay says, coarsely; None when it says nothing.
    """

    form: int
    porchlight: str
    kernel: str
    python: str
    debian: str
    architecture: str
    board: str
    memory_mib: Mapping[str, int]
    card_free_mib: int
    up_minutes: int
    clock_told: bool
    state: str
    problems: tuple[str, ...]
    status_seconds: Mapping[str, int]
    changed_settings: tuple[str, ...]
    relay: Mapping[str, Any] | None


def collect(paths: Paths, state: str, problems: Iterable[str], known: Collection[str]) -> Report:
    """Look at everything once.

    Args:
        paths: where this instance keeps its files.
        state: what the lights show (``State``).
        problems: the names of the checks that have found something (``Problem.id``).
        known: the names of all checks there are.
    """
    now = since_boot()
    return Report(
        form=1,
        porchlight=_version(__version__),
        kernel=_version(platform.release()),
        python=_version(platform.python_version()),
        debian=_version(_debian(_text(OS_RELEASE))),
        architecture=_one_of(ARCHITECTURES, platform.machine()),
        board=board_of(_text(MODEL)),
        memory_mib=_memory(_text(MEMORY)),
        card_free_mib=_free(paths.state),
        up_minutes=int(now // 60),
        clock_told=told() is not None,
        state=_one_of(State, state),
        problems=tuple(sorted({_one_of(known, one) for one in problems})),
        status_seconds={name: age for name in SERVICES if (age := _age(paths, name, now)) is not None},
        changed_settings=tuple(changed(load(paths).settings, Settings(), "")),
        relay=about_relay(relay_status.read(paths.relay_status), now),
    )


def as_text(report: Report) -> str:
    """The report as its owner reads and sends it."""
    return json.dumps(asdict(report), indent=1) + "\n"


def about_relay(relay: RelayStatus | None, now: float) -> dict[str, Any] | None:
    """What the relay says, as coarsely as ``/metrics`` tells it, and of its words only those that are known here.

    Args:
        relay: its last word.
        now: seconds since boot.
    """
    if relay is None:
        return None
    measures = coarse(relay)
    ports = [
        {
            "port": one.port,
            "carries": _one_of(CARRIES, one.carries),
            "open": not one.trouble,
            "reached_outside": _how_lately(one.reached_outside, now),
        }
        for one in relay.ports
    ]
    certificate = relay.certificate
    return {
        "phase": _one_of(PHASES, relay.phase),
        "resting": _one_of(RESTS, relay.resting),
        "workers": relay.workers,
        "max_connections": relay.max_connections,
        "ports": ports,
        "upstreams": {name: relay.upstreams[name].reachable for name in GROUPS if name in relay.upstreams},
        "certificate": _one_of(("self-signed", "public"), certificate.kind) if certificate else None,
        "quota_used": measures.quota_used,
        "counters": {name: dict(_ports(measures.counters[name])) for name in BY_PORT if name in measures.counters},
        "reasons": {
            name: {port: _numbers(found, BY_REASON[name]) for port, found in _ports(measures.by_reason[name])}
            for name in BY_REASON
            if name in measures.by_reason
        },
        "seconds": {
            name: {port: _numbers(found, _bounds(name)) for port, found in _ports(measures.histograms[name])}
            for name in HISTOGRAMS
            if name in measures.histograms
        },
    }


def changed(now: object, fresh: object, prefix: str) -> list[str]:
    """The dotted names of the settings that differ, in the order of their declaration.

    Args:
        now: a section of the settings that hold.
        fresh: the same with its defaults.
        prefix: of the names in it.
    """
    found = []
    for one in fields(now):  # type: ignore[arg-type]
        mine, default = getattr(now, one.name), getattr(fresh, one.name)
        if is_section(one):
            found += changed(mine, default, f"{prefix}{one.name}.")
        elif mine != default:
            found.append(prefix + one.name)
    return found


def board_of(model: str) -> str:
    """Which Raspberry Pi this is, as the device tree says it; never its serial number, which stands elsewhere."""
    found = BOARD.fullmatch(model.strip("\0 \n"))
    return found[0] if found else OTHER


def _ports(found: Mapping[str, Counted]) -> Iterator[tuple[str, Counted]]:
    """What was counted by port, where that is one."""
    return ((port, one) for port, one in found.items() if re.fullmatch(r"[0-9]{1,5}", port, re.ASCII))


def _numbers(found: Mapping[str, int], known: Iterable[str]) -> dict[str, int]:
    """What was counted by reason, where that is known here."""
    return {name: found[name] for name in known if name in found}


def _bounds(histogram: str) -> tuple[str, ...]:
    return (*(f"{one:g}" for one in HISTOGRAMS[histogram]), LONGER)


def _how_lately(seconds: int | None, now: float) -> str:
    """When somebody last got through, in a word: to the minute it could be one person's record in a public place."""
    if seconds is None:
        return "never"
    return next((word for limit, word in LATELY if now - seconds < limit), "longer ago")


def _one_of(known: Iterable[str], word: str) -> str:
    return next((one for one in known if one == word), OTHER)


def _version(text: str) -> str:
    found = VERSION.match(text)
    return found[0] if found else OTHER


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


def _debian(os_release: str) -> str:
    found = re.search(r'^VERSION_ID="?([0-9.]+)', os_release, re.MULTILINE)
    return found[1] if found else ""


def _memory(meminfo: str) -> dict[str, int]:
    found = dict(re.findall(r"^(MemTotal|MemAvailable|SwapTotal|SwapFree): +([0-9]+) kB$", meminfo, re.MULTILINE))
    return {name: int(number) // 1024 for name, number in found.items()}


def _free(folder: Path) -> int:
    try:
        about = os.statvfs(folder)
    except OSError:
        return 0
    return about.f_bavail * about.f_frsize // MIB


def _age(paths: Paths, service: str, now: float) -> int | None:
    try:
        written = float(json.loads((paths.run / service / "status.json").read_bytes())["written"])
        return int(max(0.0, now - written))
    except UNREADABLE:
        return None
