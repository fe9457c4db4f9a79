"""Which units see the owner's settings file with its secrets, a copy without them, or nothing of the FAT partition."""

import re
from pathlib import Path

import pytest

SYSTEM = Path(__file__).parents[2] / "image/files/usr/lib"
UNITS = SYSTEM / "systemd/system"
SYSUSERS = (SYSTEM / "sysusers.d/porchlight.conf").read_text()
INIT = (SYSTEM.parents[2] / "initramfs/init").read_text()
COPY = "BindReadOnlyPaths=-/run/porchlight/firmware:/boot/firmware"
COPY_FOR_NAME = "BindReadOnlyPaths=-/run/porchlight/firmware-name:/boot/firmware"
NOTHING = "InaccessiblePaths=-/boot/firmware"
# The service of the name has its own copy: in it stands where to tell an address.
COPIES = {
    "relay": COPY,
    "router": COPY,
    "certificate": COPY,
    "update": COPY,
    "good": COPY,
    "name": COPY_FOR_NAME,
}
# Who sees the file itself, and why.
ORIGINAL = {
    "page": "tells its owner of each mistake in it, those in lines with a secret among them",
    "lights": "shows what the page shows; the kernel lets it speak with nobody",
    "claim": "root, without network: the claim code, the key in the password's place",
    "button": "root, without network: the claim code",
    "reset": "root, without network: removes what was saved, before anything else starts",
    "reset-asked": "root, without network: has the card start again",
    "firewall": "root, for packet filters; speaks with nobody: the page's port must be what the page takes it for",
    "firewall-base": "root, for packet filters, before any network",
    "clock": "root, without network, for a moment: touches a file",
    "compress": "root, without network: moves memory",
    "halting": "root, without network: leaves a note",
    "memory": "root, without network: loads a module",
    "swap": "root, without network: must have no view of files of its own",
    "slot": "root, without network and capabilities: reads two words of the updater's",
    "verdict": "root, without network and capabilities: reads one word of the judge's",
}
SERVICES = sorted(path.stem.removeprefix("porchlight-") for path in UNITS.glob("*.service"))
INTERNET = re.compile(r"AF_INET|AF_PACKET")


def lines(service: str) -> list[str]:
    """The lines of a service's unit."""
    return (UNITS / f"porchlight-{service}.service").read_text().splitlines()


def users() -> dict[str, str]:
    """The number of each user of ours."""
    return dict(re.findall(r"^u (\S+) +(\d+) ", SYSUSERS, re.MULTILINE))


def members(group: str) -> set[str]:
    """Who is in a group by its declaration."""
    return set(re.findall(rf"^m (\S+) +{group}$", SYSUSERS, re.MULTILINE))


def sees(unit: list[str]) -> str:
    """``copy``, ``nothing`` or ``original``, by the lines of a unit and the groups of its user."""
    said = [line.partition("=") for line in unit if line[:1] not in ("#", "[", "")]
    user = next((value for name, _, value in reversed(said) if name == "User"), "root")
    groups = {one for name, _, value in said if name in ("SupplementaryGroups", "Group") for one in value.split()}
    by_group = "porchlight" in groups or user in members("porchlight")
    if NOTHING in unit:
        return "nothing"
    if COPY in unit or COPY_FOR_NAME in unit:
        # The folder under the copy is there for whoever may read it, should the copy be missing.
        return "original" if by_group or user == "root" else "copy"
    return "original" if by_group or user == "root" else "nothing"


@pytest.mark.parametrize("service", SERVICES)
def test_each_sees_a_copy_or_nothing_or_has_a_reason(service: str) -> None:
    wanted = "copy" if service in COPIES else "original" if service in ORIGINAL else "nothing"
    assert sees(lines(service)) == wanted
    assert service not in COPIES or COPIES[service] in lines(service)


def test_nobody_has_a_reason_for_nothing() -> None:
    assert COPIES.keys() & ORIGINAL.keys() == set()
    assert COPIES.keys() | ORIGINAL.keys() <= set(SERVICES)


@pytest.mark.parametrize("service", sorted(ORIGINAL))
def test_who_sees_the_file_speaks_with_nobody_outside(service: str) -> None:
    """By its unit: no network of its own, or no addresses, or the home's alone."""
    unit = lines(service)
    families = next((line for line in unit if line.startswith("RestrictAddressFamilies=")), "AF_INET")
    silent = "PrivateNetwork=yes" in unit or not INTERNET.search(families) or "IPAddressDeny=any" in unit
    # It only ever speaks by netlink.
    assert silent or service == "firewall-base"


def test_only_page_and_lights_are_in_the_group_of_that_partition() -> None:
    assert members("porchlight") == {"porchlight-page", "porchlight-lights"}
    assert "gid=800," in INIT
    assert re.search(r"^g porchlight +800$", SYSUSERS, re.MULTILINE)


def test_the_initramfs_gives_the_copies_to_whom_the_units_do() -> None:
    given = dict(re.findall(r"chown (?:-R )?0:(\d+) \"?\$(\w+)", INIT))
    assert given == {users()["porchlight-name"]: "shown_to_name", users()["porchlight-relay"]: "shown"}
    assert "shown=/run/porchlight/firmware\n" in INIT
    assert "shown_to_name=/run/porchlight/firmware-name\n" in INIT


@pytest.mark.parametrize(
    ("unit", "what"),
    [
        ("[Service]\nUser=porchlight-x", "nothing"),
        ("[Service]\nUser=porchlight-page", "original"),
        ("[Service]", "original"),
        (f"[Service]\n{COPY}", "original"),
        (f"[Service]\n{NOTHING}", "nothing"),
        (f"[Service]\nUser=porchlight-x\n{COPY}", "copy"),
        (f"[Service]\nUser=porchlight-x\nSupplementaryGroups=gpio porchlight\n{COPY}", "original"),
        (f"[Service]\nUser=porchlight-x\nGroup=porchlight\n#{NOTHING}", "original"),
    ],
)
def test_a_unit_that_would_see_more_is_found(unit: str, what: str) -> None:
    assert sees(unit.splitlines()) == what
