"""The services' sandboxes on the running card: what its kernel holds of them, what it refuses, and what works in them.

systemd leaves out without a word what a kernel cannot do, and figures tell of units only. So each service's own unit
runs another program here, which tries what it must not be able to do, beside one of the same user without a sandbox;
and what the kernel holds of that program must be what it holds of the service.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.boot.board import Board
from tests.boot.console import PATIENCE
from tests.boot.eye import Span
from tests.boot.home import MEDIA_SERVERS, NEIGHBOUR, ROUTER, UPSTREAM

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "image/files/usr/lib/systemd/system"
SERVICES = ("relay", "page", "lights", "router", "name", "certificate")
# What looks for updates, and what writes and judges them, two of these as root: they run when there is something to do.
TRIED = (*SERVICES, "update", "install", "record", "good", "verdict")
# Of these the units say whom they may speak with; the updater's line is that of all who ask hosts by name.
ADDRESSED = ("page", "lights", "update")
# And of these two which devices they may open, of all those that are there: their units leave the card's in sight.
CARD, PINS = "/dev/mmcblk0", "/dev/gpiochip0"
DEVICES = {"lights": {CARD: "EPERM", PINS: "ok"}, "install": {CARD: "ok", PINS: "EPERM"}}
CREDENTIALS = "/run/credentials/"
PLACE, UNITS_PUT = "/run/probe", "/run/systemd/system"
# Nobody (RFC 5737), and nobody whose traces other tests look for.
FAR = "198.51.100.53"
# Routers that speak UPnP.
GROUP = "239.255.255.250"
# Nothing else is to be started or ended, by whatever comes of it, and a trial is not waited for.
LEFT_OUT = "^(Wants|OnSuccess|FailureAction|Condition[A-Za-z]+)="
# What takes the place of the unit's own, which stands before it.
INSTEAD = """
[Service]
Type=oneshot
NotifyAccess=none
ExecStartPre=
ExecStart=
ExecStopPost=
Restart=no
WatchdogSec=0
RuntimeDirectoryPreserve=yes
"""
# To the firewall nobody; so whatever stops it is the unit. Its folders stay their owner's.
AS_ROOT = "User=root\nGroup=root\nStateDirectory=\nRuntimeDirectory=\nWorkingDirectory=/\n"
FREE = "User=porchlight-relay\nGroup=porchlight-relay\nRuntimeDirectory=probe-free\n"
# What is tried by which line of a unit, and what the kernel says then.
FORBIDDEN = {
    "memory to write and run": ("MemoryDenyWriteExecute=yes", "EACCES"),
    "written memory to run": ("MemoryDenyWriteExecute=yes", "EACCES"),
    "raw frames": ("RestrictAddressFamilies=(?!.*AF_PACKET).*", "EAFNOSUPPORT"),
    "set-user-id": ("RestrictSUIDSGID=yes", "EPERM"),
    "owner": ("SystemCallFilter=~.*@privileged.*", "EPERM"),
    "priority": ("SystemCallFilter=~.*@resources.*", "EPERM"),
    "processors": ("SystemCallFilter=~.*@resources.*", "EPERM"),
    "personality": ("LockPersonality=yes", "EPERM"),
    "namespace": ("RestrictNamespaces=yes", "EPERM"),
    "/var/lib/porchlight": ("ProtectSystem=strict", "EROFS"),
    "process 1": ("ProtectProc=invisible", "ENOENT"),
    "the kernel's figures": ("ProcSubset=pid", "ENOENT"),
    "the card": ("PrivateDevices=yes", "ENOENT"),
}
# ProtectSystem=strict leaves /run as writable as it is: there, owners keep a service to its own folder, unit or not.
# The other two are in every sandbox, and Debian lets everybody write there.
BY_OWNERS = {"/run": "EACCES", "/run/lock": "EACCES", "/dev/shm": "EACCES"}
# The relay sizes its tables by the one; the lights need a device of the others, and the card itself RAUC, which also
# gives files their owners, and whatever says which slot is started.
NOT_EVERYWHERE = {"the kernel's figures", "the card"}
NOT_FOR_RAUC = {*NOT_EVERYWHERE, "owner"}
# capabilities(7), linux/capability.h
CAPABILITIES = {"CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_NET_BIND_SERVICE": 10, "CAP_SYS_ADMIN": 21}
# systemd.exec(5), PrivateDevices=.
HARMLESS_DEVICES = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "hugepages"}
HARMLESS_DEVICES |= {"char", "core", "fd", "stdin", "stdout", "stderr", "log"}
# By which line a process has a namespace of its own.
OWN_NAMESPACES = {
    "mnt": "ProtectSystem=strict",
    "ipc": "PrivateIPC=yes",
    "uts": "ProtectHostname=yes",
    "user": "PrivateUsers=yes",
    "cgroup": "ProtectControlGroups=strict",
}
MIB = 1024 * 1024


def unit(name: str) -> str:
    """A service's unit, as the card has it."""
    return (UNITS / f"porchlight-{name}.service").read_text()


def value(name: str, setting: str) -> str:
    """What a unit says last of a setting; empty when it says nothing."""
    found = re.findall(rf"^{setting}=(.*)$", unit(name), re.MULTILINE)
    return str(found[-1]) if found else ""


def capabilities(name: str) -> int:
    """Those that a unit leaves, as the kernel writes them."""
    return sum(1 << CAPABILITIES[one] for one in value(name, "CapabilityBoundingSet").split())


def has(name: str, line: str) -> bool:
    """Whether a unit has a line of this pattern."""
    return any(re.fullmatch(line, one) for one in unit(name).splitlines())


def program(words: str, name: str) -> str:
    """The lines that make a unit run the probe and leave its answer in a file."""
    run = f"ExecStart=/usr/bin/python3 -P {PLACE}/probe.py {words}"
    return f"{run}\nStandardOutput=truncate:{PLACE}/{name}.json\nStandardError=journal\n"


def mounts(looked: dict[str, Any]) -> dict[str, str]:
    """What is mounted, without other services' credentials below a folder that is shut: who starts early has those."""
    return {place: how for place, how in looked["mounts"].items() if not place.startswith(CREDENTIALS)}


@pytest.fixture(scope="module")
def answers(board: Board, relaying: Span) -> Iterator[dict[str, Any]]:
    """What the probe said in each unit, by the unit's name; a few run at once, as many as the emulated Pi has cores."""
    asked = f"send {FAR} {NEIGHBOUR} {ROUTER} {GROUP} 127.0.0.53"
    whole = "/usr/lib/systemd/system/porchlight-{}.service".format
    units = {name: (whole(name), program("attempts", name)) for name in TRIED}
    units["free"] = ("", FREE + program("attempts", "free"))
    units |= {f"{one}-sends": (whole(one), AS_ROOT + program(asked, f"{one}-sends")) for one in ADDRESSED}
    units["free-sends"] = ("", program(asked, "free-sends"))
    opens = f"open {CARD} {PINS}"
    units |= {f"{one}-opens": (whole(one), AS_ROOT + program(opens, f"{one}-opens")) for one in DEVICES}
    units["free-opens"] = ("", program(opens, "free-opens"))
    for one in ("relay", "page"):
        units[f"{one}-works"] = (whole(one), program(f"work {MEDIA_SERVERS}", f"{one}-works"))
    made = (
        f"sed -E '/{LEFT_OUT}/d' {before} - >{UNITS_PUT}/probe-{name}.service <<'END'\n{INSTEAD}{after}END\n"
        for name, (before, after) in units.items()
    )
    shell = board.shell
    shell.run(f"mkdir -p {PLACE}")
    shell.write(f"{PLACE}/probe.py", (Path(__file__).parent / "probe.py").read_text())
    shell.write(f"{PLACE}/units", "".join(made))
    shell.run(f"sh {PLACE}/units")
    try:
        names = " ".join(f"probe-{name}" for name in units)
        shell.run(f"echo {names} | xargs -n 4 systemctl start", 3 * PATIENCE, check=False)
        said = shell.run(
            f"cd {PLACE}; for one in {' '.join(units)}; do printf '%s %s\\n' $one \"$(cat $one.json)\"; done"
        )
        failed = shell.run("journalctl -b -o cat --no-pager -u 'probe-*' | tail -40", check=False)
        found = dict(line.split(" ", 1) for line in said.splitlines() if " {" in line)
        assert found.keys() == units.keys(), failed
        yield {name: json.loads(text) for name, text in found.items()}
    finally:
        gone = f"rm -rf {UNITS_PUT}/probe-*.service; systemctl reset-failed 'probe-*'"
        shell.run(f"{gone}; rm -rf {PLACE} /run/probe-free", check=False)


@pytest.fixture(scope="module")
def running(board: Board, answers: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What the kernel holds of each service's processes."""
    group = "/sys/fs/cgroup/system.slice/porchlight-{}.service/cgroup.procs"
    numbers = board.shell.run("; ".join(f"echo {one} $(cat {group.format(one)})" for one in SERVICES))
    whose = {line.split()[0]: line.split()[1:] for line in numbers.splitlines()}
    assert all(whose.values()), whose
    every = " ".join(number for processes in whose.values() for number in processes)
    looked = json.loads(board.shell.run(f"python3 {PLACE}/probe.py look {every}"))
    found = {name: [looked[one] for one in processes if one in looked] for name, processes in whose.items()}
    # Some start a program for a moment; whoever has ended by now was one of those.
    assert all(found.values()), whose
    return found


@pytest.mark.parametrize("service", TRIED)
def test_what_is_forbidden_is_refused(answers: dict[str, Any], service: str) -> None:
    """By the line of the unit that forbids it: without a sandbox the same user gets another answer."""
    found, free = (dict(answers[name]["attempts"]) for name in (service, "free"))
    itself = answers[service]["itself"]["status"]
    root = not value(service, "User")
    # Root owns those folders.
    owners = dict.fromkeys(BY_OWNERS, "ok") if root else BY_OWNERS
    assert {what: found.pop(what) for what in BY_OWNERS} == owners
    assert {what: free.pop(what) for what in BY_OWNERS} == BY_OWNERS
    assert found.keys() == FORBIDDEN.keys()
    missing = {what for what, (line, _) in FORBIDDEN.items() if not has(service, line)}
    assert missing <= (NOT_FOR_RAUC if service == "install" else NOT_EVERYWHERE)
    # proc(5), hidepid=: nobody is hidden from group 0.
    missing |= {"process 1"} if root else set()
    assert found == {what: "ok" if what in missing else error for what, (_, error) in FORBIDDEN.items()}
    assert {what for what, (_, error) in FORBIDDEN.items() if free[what] == error} == set()
    assert {int(itself[one], 16) for one in ("CapPrm", "CapEff", "CapBnd")} == {capabilities(service)}
    assert (itself["NoNewPrivs"], itself["Seccomp"]) == ("1", "2")


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_kernel_holds_of_it(
    answers: dict[str, Any], running: dict[str, list[dict[str, Any]]], service: str
) -> None:
    """The same of the service's processes as of the probe in its unit."""
    probe, free = answers[service]["itself"], answers["free"]["itself"]
    for one in (*running[service], probe):
        status = one["status"]
        users = set(status["Uid"].split())
        assert len(users) == 1
        assert users != {"0"}
        held = {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
        assert held == {capabilities(service)}
        assert service == "relay" or held == {0}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert status["Seccomp_filters"] == probe["status"]["Seccomp_filters"]
        assert mounts(one) == mounts(probe)
        assert one["mounts"]["/"] == "ro"
        own = {name for name, mine in one["namespaces"].items() if mine != free["namespaces"][name]}
        assert own == {name for name, line in OWN_NAMESPACES.items() if line in unit(service).splitlines()}
        assert service == "lights" or set(one["devices"]) <= HARMLESS_DEVICES


@pytest.mark.parametrize("service", SERVICES)
def test_its_memory_and_tasks_have_the_unit_s_limits(board: Board, relaying: Span, service: str) -> None:
    group = f"/sys/fs/cgroup/system.slice/porchlight-{service}.service"
    memory, tasks = board.shell.run(f"cat {group}/memory.max {group}/pids.max").split()
    assert tasks == value(service, "TasksMax") != ""
    limit = value(service, "MemoryMax")
    assert memory == (str(int(limit.removesuffix("M")) * MIB) if limit else "max")


def test_no_folder_is_everybodys(board: Board, answers: dict[str, Any]) -> None:
    """But those for what is left for a moment, of which each service has its own."""
    places = "-path /proc -o -path /sys"
    found = board.shell.run(
        f"find / -ignore_readdir_race \\( {places} \\) -prune -o -type d -perm -0002 -print", 2 * PATIENCE
    ).split()
    own = {"/tmp", "/var/tmp"}
    assert {one for one in found if not one.startswith("/tmp/")} == own
    for service in SERVICES:
        assert own <= answers[service]["itself"]["mounts"].keys()


def test_page_and_lights_speak_with_nobody_far_away(answers: dict[str, Any]) -> None:
    """Root's questions to a name server pass the firewall; in these units the kernel refuses them."""
    assert set(answers["free-sends"].values()) == {"ok"}
    home = {NEIGHBOUR: "ok", ROUTER: "ok", "127.0.0.53": "ok"}
    assert answers["page-sends"] == {FAR: "EPERM", GROUP: "EPERM", **home}
    assert set(answers["lights-sends"].values()) == {"EPERM"}


def test_who_asks_hosts_by_name_speaks_with_no_group(answers: dict[str, Any]) -> None:
    assert answers["update-sends"] == {FAR: "ok", NEIGHBOUR: "ok", ROUTER: "ok", GROUP: "EPERM", "127.0.0.53": "ok"}


def test_lights_open_pins_and_the_installer_the_card(answers: dict[str, Any]) -> None:
    """As root, so that no file's owner stands in the way: what stops it is the unit (DevicePolicy=, DeviceAllow=)."""
    assert answers["free-opens"] == {CARD: "ok", PINS: "ok"}
    assert {one: answers[f"{one}-opens"] for one in DEVICES} == DEVICES


@pytest.mark.parametrize("service", ["relay", "page"])
def test_gevent_works_in_it(answers: dict[str, Any], service: str) -> None:
    """A loop of the kernel's best kind, a lookup and work in its threads, in a process that was forked."""
    said = answers[f"{service}-works"]
    # The firewall, not the sandbox, keeps the page from connecting with itself.
    spliced = said.pop("splice")
    assert said == {"backend": "epoll", "found": [UPSTREAM], "thread": True, "ended": 0}
    assert spliced or service == "page"


def test_the_relay_splices_beside_its_loop(board: Board, running: dict[str, list[dict[str, Any]]]) -> None:
    """What its worker has open: the loop's descriptor, and both ends of the pipe, which it closes if splice fails."""
    workers = [one for one in running["relay"] if "anon_inode:[eventpoll]" in one["files"]]
    assert workers
    for one in workers:
        pipes = [file for file in one["files"] if file.startswith("pipe:")]
        assert [file for file in pipes if pipes.count(file) == 2], one["files"]
    assert "cannot splice" not in board.shell.run("journalctl -b -o cat --no-pager -u porchlight-relay")
