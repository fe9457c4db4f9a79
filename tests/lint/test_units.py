"""The card's units: systemd can start all of them together, in an order without a circle.

A circle is no error at boot: systemd leaves one of the units out, and says so in a log that nobody reads. And none of
them can take all of the memory, or start programs without end, or speak with every address unless it says why.
"""

import ipaddress
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "image/files/usr/lib/systemd/system"
SYSTEM = "/usr/lib/systemd/system"
# A number: "infinity" is no limit, and a part of the whole is another one on each board.
LIMIT = re.compile(r"(MemoryMax=\d+[MG])|(TasksMax=\d+)")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """All of them, enabled as the card's preset does it."""
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    for unit in sorted(tmp_path.glob("porchlight-*.*")):
        for line in unit.read_text().splitlines():
            if line.startswith("WantedBy="):
                wants = tmp_path / f"{line.removeprefix('WantedBy=')}.wants"
                wants.mkdir(exist_ok=True)
                (wants / unit.name).symlink_to(unit)
    return tmp_path


def complaints(units: Path) -> list[str]:
    """What systemd says of the order in which they start."""
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:{SYSTEM}", "LC_ALL": "C"}
    command = ["systemd-analyze", "verify", "--man=no", "multi-user.target"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if "cycle" in line]


def test_they_start_in_an_order_without_a_circle(units: Path) -> None:
    assert complaints(units) == []


def test_a_circle_is_found(units: Path) -> None:
    # A path unit starts before ordinary services do.
    (units / "porchlight-claim.service.d").mkdir()
    (units / "porchlight-claim.service.d/x.conf").write_text("[Unit]\nBefore=porchlight-console.path\n")
    assert complaints(units)


def of_unit(name: str) -> dict[str, str]:
    """The lines of a unit's section [Unit] that occur once or are the last of their name."""
    section = (UNITS / name).read_text().partition("[Unit]\n")[2].partition("\n[")[0]
    pairs = (line.partition("=") for line in section.splitlines() if line and line[0] != "#")
    return {key: value for key, _, value in pairs}


def ordered_after(name: str) -> set[str]:
    """What a unit waits for, as far as its own lines say."""
    lines = (UNITS / name).read_text().splitlines()
    return {one for line in lines if line.startswith("After=") for one in line.removeprefix("After=").split()}


def test_a_judge_that_never_starts_ends_the_trial() -> None:
    """What is before it may hang for ever, and a service that waits does not fail (systemd.unit(5))."""
    judge = of_unit("porchlight-good.service")
    assert ordered_after("porchlight-good.service"), "it waits for nothing"
    assert (judge["JobTimeoutSec"], judge["JobTimeoutAction"]) == ("65min", "reboot-force")
    assert judge["DefaultDependencies"] == "no"


def test_the_wait_for_a_verdict_waits_for_nothing_itself() -> None:
    timer = of_unit("porchlight-verdict.timer")
    assert timer["DefaultDependencies"] == "no"
    assert ordered_after("porchlight-verdict.timer") == set()
    text = (UNITS / "porchlight-verdict.timer").read_text()
    # By the kernel's clock: the other one may jump by years when a time server is heard.
    assert "\nOnBootSec=65min\n" in text
    assert "OnCalendar" not in text
    assert "\nWantedBy=sysinit.target\n" in text


def test_systemd_understands_when_it_ends(units: Path) -> None:
    judge = units / "porchlight-good.service"
    assert misunderstood(units, judge) == []
    judge.write_text(judge.read_text().replace("65min", "soon").replace("=reboot-force", "=restart"))
    assert len(misunderstood(units, judge)) == 2


def misunderstood(units: Path, unit: Path) -> list[str]:
    """What systemd says of a job's timeout; it leaves out such a line. An older one does not know all the others."""
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:{SYSTEM}", "LC_ALL": "C"}
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if "JobTimeout" in line]


def without_limits(unit: Path) -> list[str]:
    """The limits that a unit neither has nor gives a reason for: MemoryMax=, TasksMax=."""
    lines = unit.read_text().splitlines()
    said = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    has = {line.partition("=")[0] for line in lines if LIMIT.fullmatch(line)}
    missing = [name for name in ("MemoryMax", "TasksMax") if name not in has]
    return [name for name in missing if not re.search(rf"No {name}: \w.{{40}}", said)]


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.stem)
def test_each_has_a_limit_of_memory_and_of_tasks_or_says_why_not(unit: Path) -> None:
    assert without_limits(unit) == []


def test_only_two_services_have_no_limit_of_memory() -> None:
    """A reason is easily written; these are in docs/threats.md."""
    free = [unit.stem for unit in sorted(UNITS.glob("*.service")) if "\nMemoryMax=" not in unit.read_text()]
    assert free == ["porchlight-install", "porchlight-relay"]
    assert [unit.stem for unit in UNITS.glob("*.service") if "\nTasksMax=" not in unit.read_text()] == []


def test_when_memory_runs_out_the_relay_goes_last_and_the_others_come_back() -> None:
    """The kernel ends whoever has the most points (proc_pid_oom_score_adj(5)); docs/threats.md says who that is."""
    texts = {unit.stem.removeprefix("porchlight-"): unit.read_text() for unit in UNITS.glob("porchlight-*.service")}
    points = {name: re.findall(r"^OOM.*", text, re.MULTILINE) for name, text in texts.items()}
    assert {name: lines for name, lines in points.items() if lines} == {"relay": ["OOMScoreAdjust=-500"]}
    assert all("\nRestart=always\n" in texts[name] for name in ("page", "lights", "router", "name", "certificate"))


@pytest.mark.parametrize("limits", ["", "MemoryMax=infinity\nTasksMax=100%\n", "# No MemoryMax:\n# No TasksMax: so.\n"])
def test_a_unit_without_limits_is_found(tmp_path: Path, limits: str) -> None:
    unit = tmp_path / "porchlight-x.service"
    unit.write_text(f"[Service]\nExecStart=/bin/true\n{limits}")
    assert without_limits(unit) == ["MemoryMax", "TasksMax"]


def networked(text: str) -> bool:
    """Whether a unit leaves its service an Internet socket in the host's network."""
    families = re.findall(r"^RestrictAddressFamilies=(.*)$", text, re.MULTILINE)
    return "\nPrivateNetwork=yes\n" not in text and (not families or "AF_INET" in " ".join(families))


def speaks_with_anybody(unit: Path) -> bool:
    """Whether it may use every address, multicast among them, and does not say why."""
    text = unit.read_text()
    said = " ".join(line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#"))
    limited = "\nIPAddressDeny=any\n" in text
    return networked(text) and not limited and not re.search(r"No IPAddressDeny: \w.{40}", said)


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.stem)
def test_each_that_has_a_network_limits_its_addresses_or_says_why_not(unit: Path) -> None:
    assert not speaks_with_anybody(unit)


def test_only_relay_and_router_have_every_address() -> None:
    """A reason is easily written; these two are held by the firewall's rules for their users (docs/ports.md)."""
    free = [unit for unit in sorted(UNITS.glob("*.service")) if networked(unit.read_text())]
    assert [unit.stem for unit in free if "\nIPAddressDeny=any\n" not in unit.read_text()] == [
        "porchlight-relay",
        "porchlight-router",
    ]


def test_who_asks_hosts_by_name_reaches_every_single_one_and_no_group() -> None:
    lists = {}
    for name in ("name", "certificate", "update", "good", "install"):
        text = (UNITS / f"porchlight-{name}.service").read_text()
        (lists[name],) = re.findall(r"^IPAddressAllow=(.*)$", text, re.MULTILINE)
    (same,) = set(lists.values())
    allowed = [ipaddress.ip_network(one) for one in same.split()]

    def reached(address: str) -> bool:
        return any(ipaddress.ip_address(address) in one for one in allowed)

    hosts = ("127.0.0.53", "10.0.0.1", "157.240.0.60", "192.168.1.2", "223.255.255.254")
    assert all(map(reached, (*hosts, "::1", "2a03:2880:f2ff::1", "fd00::1", "fe80::1", "64:ff9b::9df0:3c")))
    groups = ("224.0.0.251", "239.255.255.250", "255.255.255.255", "ff02::fb", "ff05::c")
    assert not any(map(reached, groups))


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "RestrictAddressFamilies=AF_UNIX AF_INET6\n",
        "RestrictAddressFamilies=AF_INET\nIPAddressDeny=multicast\n",
        "# No IPAddressDeny: so.\n",
    ],
)
def test_a_unit_that_may_speak_with_anybody_is_found(tmp_path: Path, lines: str) -> None:
    unit = tmp_path / "porchlight-x.service"
    unit.write_text(f"[Service]\nExecStart=/bin/true\n{lines}")
    assert speaks_with_anybody(unit)
    unit.write_text(f"{unit.read_text()}PrivateNetwork=yes\n")
    assert not speaks_with_anybody(unit)


def test_a_reset_is_over_before_folders_are_made_and_cleared() -> None:
    """Both remove what lies in them, and a file that the other one has just removed would be a failure."""
    lines = (UNITS / "porchlight-reset.service").read_text().splitlines()
    assert "Before=systemd-tmpfiles-setup.service" in lines
