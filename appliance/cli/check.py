"""``porchlight check``: looks at the settings and the network, and says in plain words what is wrong."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from appliance import __version__
from appliance.cli.main import add_path_options, paths_of
from appliance.lights.language import PATTERNS, WORDS
from appliance.network.port_holder import holder_of, is_held
from appliance.page.owner import Ownership, ownership
from appliance.paths import Paths
from appliance.settings.declared import Settings
from appliance.settings.problem import Problem, Severity
from appliance.status.gather import Situation, situation
from appliance.status.relay import RelayStatus
from appliance.status.words import data_used

UNREADABLE = Problem(
    "The password cannot be read.",
    "Either its file is damaged, or you are not allowed to look.",
    "Run this as root; if it stays, docs/claiming.md tells how to set a new password.",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: fine when ``problem`` is None, and then ``fine`` says how it is."""

    about: str
    fine: str = ""
    problem: Problem | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where the files are."""
    add_path_options(parser)


def run(options: argparse.Namespace) -> int:
    """Print every finding; 1 when there is a problem among them that is more than a notice."""
    paths = paths_of(options)
    print(f"porchlight {__version__}")
    about = ""
    counted = 0
    for finding in findings(paths):
        if finding.about != about:
            about = finding.about
            print(f"\n{about}")
        if finding.problem is None:
            print(f"  ok  {finding.fine}")
        else:
            notice = finding.problem.severity is Severity.NOTICE
            counted += not notice
            print(f"  {'--' if notice else '!!'}  {finding.problem.what}")
            print(f"      {finding.problem.means} {finding.problem.todo}".rstrip())
    print(f"\n{'All that was looked at is well.' if not counted else f'Things that need you: {counted}.'}")
    return 1 if counted else 0


def findings(paths: Paths) -> Iterator[Finding]:
    """What is well, in the order in which it depends on each other; then what is not, the most important first.

    The second half is the list that the page shows too (``appliance.health``), and what only a command can find out.
    """
    now = situation(paths)
    yield from _settings(paths, now)
    yield from _network(now)
    relay = now.facts.alive
    held = [] if relay else [number for number in wanted_ports(now.loaded.settings) if is_held(number)]
    yield from _ports(now.loaded.settings, relay, held)
    yield from _relay(now)
    owned = ownership(paths)
    if owned is not Ownership.DAMAGED:
        known = "Nobody has claimed this device yet." if owned is Ownership.UNCLAIMED else "It is claimed."
        yield Finding("Setup page", known)
    about = "What needs you"
    for problem in now.problems:
        yield Finding(about, problem=problem)
    for number in held:
        yield Finding(about, problem=_held(number))
    if owned is Ownership.DAMAGED and not any(one.id == "password" for one in now.problems):
        yield Finding(about, problem=UNREADABLE)


def _settings(paths: Paths, now: Situation) -> Iterator[Finding]:
    about = f"Settings ({paths.owner_file})"
    if not paths.owner_file.exists():
        yield Finding(about, "There is no such file: the defaults apply, and what the setup page saved.")
    elif not now.loaded.problems:
        yield Finding(about, "Every line is understood.")


def _network(now: Situation) -> Iterator[Finding]:
    about = "Home network"
    if now.home.addresses:
        yield Finding(about, "Addresses: " + ", ".join(str(one) for one in now.home.addresses))
    if now.home.gateways:
        yield Finding(about, "Way out: " + ", ".join(str(one) for one in now.home.gateways))


def _ports(settings: Settings, relay: RelayStatus | None, held: list[int]) -> Iterator[Finding]:
    about = "Ports"
    if relay:
        for port in relay.ports:
            if not port.trouble:
                yield Finding(about, f"{port.port} is open for {port.carries}.")
    else:
        for number in wanted_ports(settings):
            if number not in held:
                yield Finding(about, f"{number} is free.")
    number = settings.page.port
    yield Finding(
        about,
        f"{number} is {'held by ' + (holder_of(number) or 'some program') if is_held(number) else 'free'} (page).",
    )


def wanted_ports(settings: Settings) -> tuple[int, ...]:
    """The ports that the relay wants, each once."""
    relay = settings.relay
    tls = (relay.chat_tls_port,) if relay.chat_tls_port else ()
    return tuple(dict.fromkeys((*tls, *relay.chat_ports, *relay.media_ports, *relay.balancer_ports)))


def _held(number: int) -> Problem:
    holder = holder_of(number) or "another program, whose name only root may see"
    return Problem(
        f"Port {number} is held by {holder}.",
        "The relay could not use it.",
        "Stop that program, or choose another port in porchlight.toml.",
    )


def _relay(now: Situation) -> Iterator[Finding]:
    about = "Relay"
    relay = now.facts.alive
    if now.facts.relay is None:
        yield Finding(about, "It has not run here since this device was switched on.")
    if relay is None:
        return
    for name, upstream in relay.upstreams.items():
        if upstream.reachable is not False:
            told = "not tried yet" if upstream.reachable is None else "reachable"
            yield Finding(about, f"WhatsApp's servers for {name}: {told}.")
    if relay.quota:
        yield Finding(about, f"This month's data: {data_used(relay.quota)}.")
    words = WORDS[now.state]
    yield Finding(about, f"The lights show “{now.state}”: {PATTERNS[now.state].looks}. {words.title}. {words.means}")
