"""The card that `./build` wrote, looked into."""

import ast
import hashlib
import lzma
import re
import subprocess
from pathlib import Path

import pytest

from appliance.firewall.rules import CERTIFICATE, FETCH, JUDGE, LIGHTS, NAME, PAGE, RELAY, ROUTER, UPDATE
from image import boards, drivers, firmware, layout, recipe
from image.bytecode import LIBRARIES
from image.masked import MASKED
from image.stages import REPOSITORY
from tests.image.card import Card

pytestmark = pytest.mark.image


def test_the_checksum_beside_it_is_right(packed: Path) -> None:
    said = packed.with_name(packed.name + ".sha256").read_text().split()
    with packed.open("rb") as file:
        assert said == [hashlib.file_digest(file, "sha256").hexdigest(), packed.name]


def test_it_is_small_enough(packed: Path) -> None:
    assert packed.stat().st_size <= 110_000_000


def test_the_manifest_names_what_is_on_it(packed: Path) -> None:
    stem = packed.name.removesuffix(".img.xz")
    rows = [line.split("\t") for line in packed.with_name(f"{stem}.manifest").read_text().splitlines()]
    assert all(len(row) == 3 for row in rows)
    names = {row[0] for row in rows}
    assert {"systemd", "python3-gevent", "raspi-firmware", "u-boot-rpi", "python:rpi-lgpio"} <= names
    assert {"wpasupplicant", "firmware-brcm80211", "wireless-regdb"} <= names
    assert any(name.startswith("linux-image-") for name in names)
    assert not {"openssh-server", "avahi-daemon", "python3-rpi.gpio"} & names
    locked = [line.split("\t") for line in packed.with_name(f"{stem}.lock").read_text().splitlines()]
    assert [row[:3] for row in locked if row[4] == "card"] == rows
    # What made the card shows in its bytes too.
    assert {"e2fsprogs", "genimage", "python3.13"} <= {row[0] for row in locked if row[4] == "tools"}
    assert all(re.fullmatch(r"[0-9a-f]{64}", row[3]) for row in locked)


def test_partition_table(card: Card) -> None:
    assert card.path.stat().st_size == layout.CARD_SIZE
    record = card.record()
    assert record[510:] == b"\x55\xaa"
    assert int.from_bytes(record[440:444], "little") == layout.DISK_ID
    start = layout.GAP
    for entry, partition in zip(card.entries(), layout.PARTITIONS, strict=True):
        assert (entry.kind, entry.start, entry.size) == (partition.mbr_type, start, partition.size)
        assert entry.bootable == (partition is layout.FIRMWARE)
        start += partition.size


def test_the_gap_and_the_second_slot_are_empty(card: Card) -> None:
    with card.path.open("rb") as file:
        file.seek(512)
        assert not file.read(layout.GAP - 512).strip(b"\0")
        file.seek(card.entries()[2].start)
        assert not file.read(layout.MIB).strip(b"\0")


@pytest.mark.parametrize("pi", boards.BOARDS, ids=lambda pi: str(pi.tree))
def test_the_firmware_partition_has_what_each_board_s_loader_needs(card: Card, pi: boards.Board) -> None:
    folder = card.firmware()
    for name in (*boards.COMMON, *pi.loader, pi.tree):
        assert (folder / name).stat().st_size > 0
    assert firmware.tree_faults(pi, folder / pi.tree) == []


def test_the_build_s_own_check_passes_on_what_was_written(card: Card) -> None:
    firmware.check(card.firmware(), card.slot())


def test_the_boot_script_is_the_compiled_one(card: Card) -> None:
    script = (card.firmware() / "boot.scr").read_bytes()
    assert script[:4] == b"\x27\x05\x19\x56"  # U-Boot's legacy image magic
    assert b"@DISK@" not in script
    assert f"PARTUUID={layout.DISK_ID:08x}-0".encode() in script


def test_the_owner_s_settings_file_is_complete_and_opens_in_any_editor(card: Card) -> None:
    text = (card.firmware() / "porchlight.toml").read_bytes()
    assert text.count(b"\r\n") == text.count(b"\n") > 10


def test_file_systems_are_clean(card: Card) -> None:
    for number in (2, 4):
        checked = subprocess.run(["e2fsck", "-f", "-n", str(card.partition(number))], capture_output=True, check=False)
        assert checked.returncode == 0, checked.stdout.decode()
    fat = subprocess.run(["fsck.vfat", "-n", str(card.partition(1))], capture_output=True, check=False)
    assert fat.returncode == 0, fat.stdout.decode()


def test_the_system_keeps_its_budget(card: Card) -> None:
    usage = subprocess.run(["du", "-s", "-B1", str(card.slot())], capture_output=True, text=True, check=True)
    assert int(usage.stdout.split()[0]) <= layout.ROOT_BUDGET


def test_kernel_and_initramfs_belong_to_the_slot(card: Card) -> None:
    assert (card.slot() / "boot/vmlinuz").read_bytes()[:2] == b"\x1f\x8b"
    assert (card.slot() / "boot/initrd.img").stat().st_size < 5_000_000


def test_modules_are_closed(card: Card) -> None:
    folder = next((card.slot() / "usr/lib/modules").iterdir())
    for path in drivers.closure(folder, (*drivers.SYSTEM, *drivers.needed_by_boards())):
        assert lzma.decompress((folder / path).read_bytes())[:4] == b"\x7fELF"


def test_nothing_that_two_cards_would_share(card: Card) -> None:
    slot = card.slot()
    assert (slot / "etc/machine-id").read_bytes() == b""
    assert not (slot / "var/lib/dbus/machine-id").is_file()
    assert not (slot / "var/lib/systemd/random-seed").exists()
    assert not list((slot / "etc").glob("ssh/*key*"))
    private = [path for folder in ("etc", "var", "root", "home") for path in (slot / folder).rglob("*.key")]
    assert not private
    for path in (*(slot / "etc").rglob("*"), *(slot / "var").rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 100_000:
            assert b"PRIVATE KEY" not in path.read_bytes(), path


def test_nobody_can_log_in(card: Card) -> None:
    slot = card.slot()
    for line in (slot / "etc/shadow").read_text().splitlines():
        name, password = line.split(":")[:2]
        assert password.startswith(("!", "*")), name
    wanted = {path.name for path in (slot / "etc/systemd/system").glob("*.wants/*")}
    assert not {name for name in wanted if "getty" in name}
    for unit in MASKED:
        assert (slot / "etc/systemd/system" / unit).readlink() == Path("/dev/null")
    assert not (slot / "usr/sbin/sshd").exists()


def test_only_what_is_needed_comes_before_the_relay(card: Card) -> None:
    folder = card.slot() / "usr/lib/systemd"
    assert {one.name for one in (folder / "system-generators").iterdir()} == {"systemd-debug-generator"}
    relay = (folder / "system/porchlight-relay.service").read_text().splitlines()
    assert [line for line in relay if line.startswith("After=")] == ["After=systemd-journald.socket"]
    # Where it is reached from is behind the firewall's base and the kernel's settings.
    base = (folder / "system/porchlight-firewall-base.service").read_text().splitlines()
    assert {"Wants=network-pre.target", "Before=network-pre.target shutdown.target"} <= set(base)
    networkd = (folder / "system/systemd-networkd.service").read_text().splitlines()
    after = {one for line in networkd if line.startswith("After=") for one in line.removeprefix("After=").split()}
    assert {"network-pre.target", "systemd-sysctl.service"} <= after
    # The unit that would load them is masked.
    lists = [one for place in ("etc", "usr/lib") for one in (card.slot() / place / "modules-load.d").glob("*")]
    assert not [line for one in lists for line in one.read_text().splitlines() if line and not line.startswith("#")]


def test_exactly_our_services_are_enabled(card: Card) -> None:
    folder = card.slot() / "etc/systemd/system"
    ours = {path.name for path in folder.glob("*.wants/porchlight-*")}
    units = [path for path in (card.slot() / "usr/lib/systemd/system").glob("porchlight-*.*") if path.is_file()]
    # What a timer or a path starts has nothing to enable.
    shipped = {path.name for path in units if "[Install]" in path.read_text()}
    assert {"porchlight-relay.service", "porchlight-compress.timer"} <= shipped
    assert ours == shipped
    assert {"porchlight-relay.service", "porchlight-page.service", "porchlight-lights.service"} <= ours


def test_users_have_the_numbers_of_the_data_partition(card: Card) -> None:
    lines = (card.slot() / "etc/passwd").read_text().splitlines()
    numbers = {line.split(":")[0]: line.split(":")[2] for line in lines}
    assert numbers["porchlight-relay"] == "811"
    assert numbers["porchlight-page"] == "812"
    assert numbers["porchlight-lights"] == "813"
    assert numbers["porchlight-router"] == "814"
    assert numbers["porchlight-name"] == "815"
    assert numbers["porchlight-certificate"] == "816"
    assert numbers["porchlight-wifi"] == "817"
    # The firewall knows these by number.
    users = {"relay": RELAY, "page": PAGE, "lights": LIGHTS, "router": ROUTER, "name": NAME, "certificate": CERTIFICATE}
    users |= {"update": UPDATE, "fetch": FETCH, "judge": JUDGE}
    assert {name: int(numbers[f"porchlight-{name}"]) for name in users} == users
    groups = dict(line.split(":")[:3:2] for line in (card.slot() / "etc/group").read_text().splitlines())
    assert groups["porchlight"] == "800"


def test_files_of_the_repository_lie_where_they_lie(card: Card) -> None:
    origin = REPOSITORY / "image/files"
    for path in origin.rglob("*"):
        if path.is_file() and "firmware" not in path.parts and not path.is_symlink():
            assert (card.slot() / path.relative_to(origin)).read_bytes() == path.read_bytes()


def test_owners_are_the_card_s(card: Card) -> None:
    for path in ("/etc/shadow", "/usr/bin/porchlight", "/var/lib/porchlight", "/etc"):
        said = card.ask(2, f"stat {path}")
        assert re.search(r"User:\s+0\s+Group:\s+(0|42)\s", said), path


def test_python_is_compiled_for_the_card_and_never_checked(card: Card) -> None:
    packages = card.slot() / "usr/lib/python3/dist-packages"
    compiled = list((packages / "appliance").rglob("*.pyc"))
    sources = list((packages / "appliance").rglob("*.py"))
    assert len(compiled) == len(sources) > 10
    tag = f"cpython-{recipe.PYTHON.replace('.', '')}"
    for path in compiled:
        assert tag in path.name
        assert int.from_bytes(path.read_bytes()[4:8], "little") == 1  # PEP 552: hash-based, unchecked
    assert (packages / f"_lgpio.{tag}-aarch64-linux-gnu.so").read_bytes()[18:20] == b"\xb7\x00"  # EM_AARCH64
    assert (packages / "RPi/GPIO/__init__.py").exists()


def test_docstrings_of_libraries_are_not_on_the_card_a_second_time(card: Card) -> None:
    """In the source only; of our own also in the bytecode, since some are said to a volunteer."""
    packages = card.slot() / "usr/lib/python3/dist-packages"
    modules = [packages / library / "__init__.py" for library in LIBRARIES]
    modules += [packages / "flask/app.py", card.slot() / f"usr/lib/python{recipe.PYTHON}/json/__init__.py"]
    judged = packages / "appliance/health/network.py"
    seen = 0
    for path in (*modules, judged):
        said = ast.get_docstring(ast.parse(path.read_bytes()))
        compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-{recipe.PYTHON.replace('.', '')}.pyc"
        line = max((said or "").splitlines(), key=len, default="").encode()
        if len(line) > 30:
            assert (line in compiled.read_bytes()) is (path is judged), path
            seen += 1
        assert compiled.exists(), path
    assert seen > 5


def test_no_name_of_the_machine_that_built_it(card: Card) -> None:
    host = Path("/etc/hostname").read_text().strip().encode()
    cache = b".cache/porchlight"
    for path in (card.slot() / "etc").rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            assert cache not in data
            assert len(host) < 4 or host == b"localhost" or host not in data, path
