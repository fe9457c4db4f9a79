"""Who can read which secret on the running card: as each service's user, and within its unit.

What no test elsewhere shows: that a unit lays the copy of the settings over the FAT partition, that it stays there when
porchlight-claim replaces the file, and that the card's own busybox makes the same copy.
"""

from collections.abc import Iterator

import pytest

from tests.boot.board import Board
from tests.boot.console import PATIENCE
from tests.boot.eye import Span
from tests.boot.test_sandbox import INSTEAD, LEFT_OUT, UNITS_PUT, value

PLACE = "/run/secrets-tried"
STATE, RUN, FAT = "/var/lib/porchlight", "/run/porchlight", "/boot/firmware"
# Who may read what; docs/threats.md, row "credentials". "root" is the one of root's services that speaks with others:
# without CAP_DAC_OVERRIDE it reads what is root's, as far as its unit lets it.
READERS = {
    f"{STATE}/page/password.json": {"page"},
    f"{STATE}/page/session.key": {"page"},
    f"{STATE}/page/claim.json": {"page"},
    f"{RUN}/page/screen": {"page"},
    f"{STATE}/relay/certificate.pem": {"relay"},
    f"{STATE}/certificate/relay.pem": {"certificate", "relay"},
    f"{STATE}/certificate/stands-in": {"certificate", "relay"},
    f"{STATE}/router/key": {"router"},
    f"{STATE}/name/account.toml": {"page", "name"},
    f"{STATE}/name/saved.toml": {"page", "name"},
    f"{STATE}/name/stands-in": {"page", "name"},
    f"{RUN}/wifi/supplicant.conf": {"wifi"},
    f"{RUN}/firmware-name/porchlight.toml": {"name", "root"},
    # With the secrets in it: for others there is the copy.
    f"{FAT}/porchlight.toml": {"page", "lights"},
    f"{FAT}/CLAIM-CODE.txt": {"page", "lights"},
}
# What must be there for this to say anything. The rest comes with a provider, a public certificate, a Wi-Fi, a router.
SURELY = {
    f"{STATE}/page/password.json",
    f"{STATE}/page/session.key",
    f"{STATE}/page/claim.json",
    f"{STATE}/relay/certificate.pem",
    f"{STATE}/certificate/stands-in",
    f"{STATE}/name/stands-in",
    f"{RUN}/firmware-name/porchlight.toml",
    f"{FAT}/porchlight.toml",
}
# Two folders are shared, and what lies in them is made as this is: by whom, where.
STAND_INS = {"page": f"{STATE}/name/stands-in", "certificate": f"{STATE}/certificate/stands-in"}
USERS = ("relay", "page", "lights", "router", "name", "certificate", "update", "judge", "wifi", "stick", "fetch")
# Units and their users.
SERVICES = {name: name for name in ("relay", "page", "lights", "router", "name", "certificate", "update")}
SERVICES |= {"record": "update", "good": "judge", "install": "root"}
# Who sees the copy of the settings and nothing else of that partition; some have no process at the moment.
COPY = ("relay", "router", "name", "certificate")
WHOLE = ("page", "lights")
READ = f"""\
for one in {" ".join(READERS)}; do
    case $one in
    {FAT}/porchlight.toml) grep -qs password "$one" ;;
    *) head -c 1 "$one" >/dev/null 2>&1 ;;
    esac && echo "$1 $one"
done
:
"""
COMPARE = """\
from dataclasses import replace
from pathlib import Path
from appliance.paths import Paths
from appliance.settings import load

def seen(place):
    found = load(Paths(owner_file=Path(place) / "porchlight.toml"))
    its = found.settings
    secrets = its.wifi.password, its.page.claim_code
    public = replace(
        its,
        wifi=replace(its.wifi, password=""),
        page=replace(its.page, claim_code=""),
        name=replace(its.name, update_url=""),
    )
    return public, [bool(one) for one in secrets], len(found.problems)

file = seen("/boot/firmware")
copy, name = (seen(f"/run/porchlight/{one}") for one in ("firmware", "firmware-name"))
print(file[0] == copy[0] == name[0], file[1:], copy[1:], name[1:])
"""


def as_user(user: str, command: str) -> str:
    """A command as one of ours, with the groups that this user has."""
    who = f"porchlight-{user}"
    return f"setpriv --reuid={who} --regid={who} --init-groups {command}"


def asked(service: str) -> str:
    """The lines that have a service's own unit try."""
    run = f"ExecStart=/bin/sh {PLACE}/read {service}\nStandardOutput=truncate:{PLACE}/{service}.said\n"
    unit = f"/usr/lib/systemd/system/porchlight-{service}.service"
    return f"sed -E '/{LEFT_OUT}/d' {unit} - >{UNITS_PUT}/tried-{service}.service <<'END'\n{INSTEAD}{run}END\n"


@pytest.fixture(scope="module")
def said(board: Board, relaying: Span) -> Iterator[dict[str, set[str]]]:
    """What somebody could read: by user, by ``unit-SERVICE``, and by ``root``, who can read whatever there is."""
    shell = board.shell
    shell.run(f"mkdir -p {PLACE}")
    shell.write(f"{PLACE}/read", READ)
    makes = "; ".join(as_user(user, f"sh -c 'umask 027; echo x >{file}'") for user, file in STAND_INS.items())
    tries = (as_user(user, f"sh {PLACE}/read {user}") for user in USERS)
    shell.write(f"{PLACE}/units", "".join(asked(service) for service in SERVICES))
    shell.write(f"{PLACE}/users", "\n".join((f"sh {PLACE}/read root", *tries, "")))
    shell.run(f"sh {PLACE}/units; {makes}")
    try:
        told = shell.run(f"sh {PLACE}/users", 2 * PATIENCE)
        names = " ".join(f"tried-{service}" for service in SERVICES)
        shell.run(f"echo {names} | xargs -n 4 systemctl start", 3 * PATIENCE)
        within = shell.run(f"cd {PLACE} && sed 's/^/unit-/' *.said; ls -1 *.said")
        assert all(f"{service}.said" in within.splitlines() for service in SERVICES), within
        found: dict[str, set[str]] = {one: set() for one in ("root", *USERS, *(f"unit-{one}" for one in SERVICES))}
        for line in (*told.splitlines(), *within.splitlines()):
            who, _, file = line.partition(" ")
            if file in READERS:
                found[who].add(file)
        yield found
    finally:
        gone = f"rm -rf {UNITS_PUT}/tried-*.service {PLACE} {' '.join(STAND_INS.values())}"
        shell.run(f"{gone}; systemctl reset-failed 'tried-*'", check=False)


def may_read(user: str, there: set[str]) -> set[str]:
    """Of all that is there, what the table says of a user."""
    return {file for file in there if user in READERS[file]}


def test_there_is_something_to_read(said: dict[str, set[str]]) -> None:
    assert said["root"] >= SURELY


@pytest.mark.parametrize("user", USERS)
def test_a_user_reads_its_own_secrets_and_no_others(said: dict[str, set[str]], user: str) -> None:
    """Those of others the kernel refuses, whatever a unit says."""
    assert said[user] == may_read(user, said["root"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_its_own_secrets_and_no_others(said: dict[str, set[str]], service: str) -> None:
    """The same within its unit, whose settings file is the copy where the table does not name it."""
    assert (value(service, "User") or "root").removeprefix("porchlight-") == SERVICES[service]
    assert said[f"unit-{service}"] == may_read(SERVICES[service], said["root"])


def test_the_copies_say_what_the_file_says_without_its_secrets(board: Board, relaying: Span) -> None:
    """Made by the card's own busybox. The Wi-Fi's key is in the file; there is no claim code of the owner's in it."""
    program = "/run/compare-copies.py"
    board.shell.write(program, COMPARE)
    found = board.shell.run(f"python3 -P {program}; rm {program}", 2 * PATIENCE)
    assert found == "True ([True, False], 0) ([False, False], 0) ([False, False], 0)"


def test_what_runs_sees_the_copy_though_the_file_was_replaced(board: Board, relaying: Span) -> None:
    """porchlight-claim has put the Wi-Fi's key in the password's place, while the relay was running."""
    ours = "/proc/$(systemctl show -P MainPID porchlight-$one)/root/boot/firmware"
    tell = f"echo $one $(grep -c ^password {ours}/porchlight.toml) $(ls {ours})"
    look = f"for one in {' '.join((*COPY, *WHOLE))}; do {tell}; done"
    found = {line.split()[0]: line.split()[1:] for line in board.shell.run(look).splitlines()}
    assert {one: found[one] for one in COPY} == {one: ["0", "porchlight.toml"] for one in COPY}
    for one in WHOLE:
        assert found[one][0] == "1"
        assert {"porchlight.toml", "config.txt"} <= set(found[one])
