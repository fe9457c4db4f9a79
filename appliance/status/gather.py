"""Collecting the facts: the thin part that reads files and asks the kernel, for whoever needs the verdict."""

from dataclasses import dataclass, replace
from pathlib import Path

from appliance.clock import since_boot, told
from appliance.firewall import made_from
from appliance.health.registry import problems_of
from appliance.network import home
from appliance.network.home import Home
from appliance.paths import Paths
from appliance.settings.load import Loaded, load
from appliance.settings.problem import Problem
from appliance.status import certificate, lights, machine, name, page, relay, router, update, wifi
from appliance.status.facts import Facts
from appliance.status.machine import Machine
from appliance.status.state import State, state_of

# Seconds between two looks of a Watch at everything but the relay.
SLOW_LOOK = 5.0
# Seconds for which a dip of the supply voltage is remembered: the firmware tells each one only once.
DIP_COUNTS = 600.0


@dataclass(frozen=True, slots=True)
class Situation:
    """How porchlight is doing now: the verdict and everything that it rests on."""

    state: State
    facts: Facts
    home: Home
    loaded: Loaded
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What changes at the pace of a hand."""

    home: Home
    loaded: Loaded
    machine: Machine
    wall: float | None


def situation(paths: Paths, root: Path = machine.ROOT) -> Situation:
    """Gather the facts once and reach the verdict.

    Args:
        paths: where this instance keeps its files.
        root: where the kernel's files stand, for tests.
    """
    return _judge(paths, _look_around(paths, root), root)


class Watch:
    """The same verdict again and again, for whoever asks several times a second.

    The small files of the other services are read each time. The network, the settings and the device cost twenty times
    as much and change at the pace of a hand, so they are looked at every ``SLOW_LOOK`` seconds: two full looks a
    second would take about two per cent of a Pi 3.

    Args:
        paths: where this instance keeps its files.
        root: where the kernel's files stand, for tests.
    """

    def __init__(self, paths: Paths, root: Path = machine.ROOT) -> None:
        self._paths, self._root = paths, root
        self._slow: _Surroundings | None = None
        self._slow_until = 0.0
        self._dipped = float("-inf")

    def situation(self, *, anew: bool = False) -> Situation:
        """The verdict now.

        Args:
            anew: look at everything, for somebody who has just changed something and wants to see it.
        """
        now = since_boot()
        if anew or self._slow is None or now >= self._slow_until:
            self._slow = self._remember(_look_around(self._paths, self._root), now)
            self._slow_until = now + SLOW_LOOK
        return _judge(self._paths, self._slow, self._root)

    def _remember(self, seen: _Surroundings, now: float) -> _Surroundings:
        if seen.machine.low_voltage:
            self._dipped = now
        if seen.machine.low_voltage is False and now - self._dipped < DIP_COUNTS:
            return replace(seen, machine=replace(seen.machine, low_voltage=True))
        return seen


def _look_around(paths: Paths, root: Path) -> _Surroundings:
    return _Surroundings(home.look(), load(paths), machine.look(paths.state, root), told())


def _judge(paths: Paths, seen: _Surroundings, root: Path) -> Situation:
    now = since_boot()
    halting = paths.halting_note.exists()
    shown, owner = lights.read(paths.lights_status, now), page.read(paths.page_status, now)
    route, named = router.read(paths.router_status, now), name.read(paths.name_status, now)
    certified = certificate.read(paths.certificate_status, now)
    words = {
        paths.page_status: owner,
        paths.router_status: route,
        paths.name_status: named,
        paths.certificate_status: certified,
    }
    facts = Facts(
        now,
        relay.read(paths.relay_status),
        seen.home.connected,
        seen.loaded.problems,
        settings=seen.loaded.settings,
        addressed=bool(seen.home.addresses),
        wall=seen.wall,
        machine=seen.machine,
        lights=shown,
        page=owner,
        router=route,
        name=named,
        certificate=certified,
        update=update.read(paths.update_status, now),
        wifi=wifi.read(paths.wifi_state, now),
        silent=tuple(path.parent.name for path, word in words.items() if word is None and path.exists()),
        firewall_failed=made_from.failed(paths.firewall_status),
        data_lost=paths.data_lost_note.exists(),
        halting=halting,
        stored=halting and not machine.mounted_writable(paths.state, root),
    )
    problems = problems_of(facts)
    return Situation(state_of(facts, problems), facts, seen.home, seen.loaded, problems)
