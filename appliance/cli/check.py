"""``porchlight check``: looks at the settings and the network, and says in plain words what is wrong."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from appliance import __version__
from appliance.cli.main import add_path_options, paths_of
from appliance.network.port_holder import holder_of, is_held
from appliance.page.owner import Ownership, ownership
from appliance.paths import Paths
from appliance.settings.declared import Settings
from appliance.settings.problem import Problem
from appliance.status.gather import Situation, situation
from appliance.status.lights import read as read_lights
from appliance.status.problems import of_lights, of_relay
from appliance.status.relay import RelayStatus
from appliance.status.state import STALE_AFTER, State
from appliance.status.words import WORDS, data_used


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
    """Print every finding; 1 when there is a problem among them."""
    paths = paths_of(options)
    print(f"porchlight {__version__}")
    about = ""
    problems = 0
    for finding in findings(paths):
        if finding.about != about:
            about = finding.about
            print(f"\n{about}")
        if finding.problem is None:
            print(f"  ok  {finding.fine}")
        else:
            problems += 1
            print(f"  !!  {finding.problem.what}")
            print(f"      {finding.problem.means} {finding.problem.todo}".rstrip())
    print(f"\n{'All that was looked at is well.' if not problems else f'Things that need you: {problems}.'}")
    return 1 if problems else 0


def findings(paths: Paths) -> Iterator[Finding]:
    """Look at everything, in the order in which it depends on each other."""
    now = situation(paths)
    yield from _settings(paths, now)
    yield from _network(now)
    relay = now.facts.relay
    alive = relay if relay and now.facts.now - relay.written <= STALE_AFTER else None
    yield from _ports(now.loaded.settings, alive)
    yield from _relay(now, alive)
    yield from _page(paths)


def _settings(paths: Paths, now: Situation) -> Iterator[Finding]:
    about = f"Settings ({paths.owner_file})"
    for problem in now.loaded.problems:
        yield Finding(about, problem=problem)
    if not paths.owner_file.exists():
        yield Finding(about, "There is no such file: the defaults apply, and what the setup page saved.")
    elif not now.loaded.problems:
        yield Finding(about, "Every line is understood.")


def _network(now: Situation) -> Iterator[Finding]:
    about = "Home network"
    home = now.home
    if home.addresses:
        yield Finding(about, "Addresses: " + ", ".join(str(one) for one in home.addresses))
    else:
        yield Finding(
            about,
            problem=Problem("This device has no address.", "Nothing can reach it.", "Plug in the network cable."),
        )
    if home.gateways:
        yield Finding(about, "Way out: " + ", ".join(str(one) for one in home.gateways))
    else:
        words = WORDS[State.NO_NETWORK]
        yield Finding(about, problem=Problem("There is no way out to the internet.", words.means, words.todo))


def _ports(settings: Settings, relay: RelayStatus | None) -> Iterator[Finding]:
    about = "Ports"
    if relay:
        for port in relay.ports:
            if not port.trouble:
                yield Finding(about, f"{port.port} is open for {port.carries}.")
        yield from (Finding(about, problem=problem) for problem in of_relay(relay))
    else:
        for number in wanted_ports(settings):
            yield _free_or_held(number)
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


def _free_or_held(number: int) -> Finding:
    if not is_held(number):
        return Finding("Ports", f"{number} is free.")
    holder = holder_of(number) or "another program, whose name only root may see"
    return Finding(
        "Ports",
        problem=Problem(
            f"Port {number} is held by {holder}.",
            "The relay could not use it.",
            "Stop that program, or choose another port in porchlight.toml.",
        ),
    )


def _relay(now: Situation, relay: RelayStatus | None) -> Iterator[Finding]:
    about = "Relay"
    words = WORDS[now.state]
    if now.facts.relay is None:
        yield Finding(about, "It has not run here since this device was switched on.")
        return
    if relay is None:
        yield Finding(about, problem=Problem(f"{words.title}.", words.means, words.todo))
        return
    for name, upstream in relay.upstreams.items():
        if upstream.reachable is not False:
            told = "not tried yet" if upstream.reachable is None else "reachable"
            yield Finding(about, f"WhatsApp's servers for {name}: {told}.")
        elif not upstream.trouble:
            yield Finding(about, problem=Problem(f"WhatsApp's servers for {name} do not answer.", "", ""))
    if relay.quota:
        yield Finding(about, f"This month's data: {data_used(relay.quota)}.")
    yield Finding(about, f"{words.title}. {words.means}")


def _page(paths: Paths) -> Iterator[Finding]:
    about = "Setup page and lights"
    state = ownership(paths)
    if state is Ownership.DAMAGED:
        yield Finding(
            about,
            problem=Problem(
                "The password cannot be read.",
                "Either its file is damaged, or you are not allowed to look.",
                "Run this as root; if it stays, docs/claiming.md tells how to set a new password.",
            ),
        )
    else:
        yield Finding(
            about, "Nobody has claimed this device yet." if state is Ownership.UNCLAIMED else "It is claimed."
        )
    for problem in of_lights(read_lights(paths.lights_status, situation(paths).facts.now)):
        yield Finding(about, problem=problem)
