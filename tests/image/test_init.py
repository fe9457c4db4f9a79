"""A system on trial does not make the data partition anew: boot script and initramfs, run by a shell with stubs.

The boot script is U-Boot's, whose words the stubs know as far as it uses them; the initramfs' is the card's own text.
"""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.update.environment import Environment
from image.firmware import boot_script
from image.stages import REPOSITORY

SHELL = shutil.which("dash") or "sh"
INIT = (REPOSITORY / "image/initramfs/init").read_text()
BOOT = boot_script((REPOSITORY / "image/boot.cmd").read_text())
FRESH = Environment()
TRIAL = FRESH.on_trial("B")
MADE_ANEW = "mke2fs"

LOADER = r"""
setenv() { variable=$1; shift; eval "$variable=\$*"; }
setexpr() { eval "$1=\$(($2 $3 $4))"; }
itest() { [ "$1" -gt "$3" ]; }
env() { [ "$1" = export ] || eval "$REMEMBERED"; }
fdt() { return 1; }
mmc() { [ "$1" != write ] || [ -z "$READ_ONLY" ]; }
load() { case " $LOADS " in *" $2 "*) filesize=1 ;; *) return 1 ;; esac; }
booti() { echo "started: $bootargs"; exit; }
sleep() { :; }
reset() { exit; }
devtype=mmc
devnum=0
"""


def started(remembered: Environment, loads: str, read_only: bool = False) -> str:
    """The kernel's command line of the slot that is started; empty when none is.

    Args:
        remembered: what was kept over the restart.
        loads: the slots whose kernel can be loaded.
        read_only: whether the card cannot be written.
    """
    values = {
        "BOOT_ORDER": " ".join(remembered.order),
        "BOOT_TRIAL": remembered.trial or "",
        "BOOT_A_LEFT": str(remembered.left_a),
        "BOOT_B_LEFT": str(remembered.left_b),
        "BOOT_WRITTEN": "1",
    }
    given = {
        "REMEMBERED": ";".join(f"{name}='{value}'" for name, value in values.items()),
        "LOADS": " ".join({"A": "0:2", "B": "0:3"}[slot] for slot in loads),
        "READ_ONLY": "yes" if read_only else "",
    }
    done = subprocess.run([SHELL, "-c", LOADER + BOOT], env=given, capture_output=True, text=True, check=True)
    return "".join(line for line in done.stdout.splitlines() if line.startswith("started: "))


@pytest.mark.parametrize("left", [3, 2, 1])
def test_on_trial_somebody_else_is_left(left: int) -> None:
    words = started(TRIAL.with_left("B", left), "AB").split()
    assert "rauc.slot=B" in words
    assert "porchlight.trial" in words
    assert "porchlight.last" not in words


@pytest.mark.parametrize(
    ("remembered", "read_only"),
    [
        pytest.param(TRIAL.with_left("B", 0), False, id="tries-used-up"),
        pytest.param(TRIAL, True, id="tries-not-counted"),
    ],
)
def test_the_last_slot_that_starts_is_told_so(remembered: Environment, read_only: bool) -> None:
    words = started(remembered, "B", read_only).split()
    assert {"rauc.slot=B", "porchlight.trial", "porchlight.last"} <= set(words)
    former = started(remembered, "AB", read_only).split()
    assert "rauc.slot=A" in former
    assert not {"porchlight.trial", "porchlight.last"} & set(former)


def test_no_trial_no_word_of_it() -> None:
    for remembered in (FRESH, replace(FRESH.marked_bad("A"), order=("A", "B"))):
        assert "porchlight." not in started(remembered, "AB")
        assert "porchlight." not in started(remembered, "A")


# The partition that this system cannot mount, and whatever else the initramfs would do there.
STUBS = r"""
say() { echo "said: $*"; }
partition() { echo /dev/data; }
mount_data() { echo mounting; [ -n "$MOUNTS" ]; }
mount() { :; }
umount() { :; }
dd() { :; }
sleep() { :; }
reboot() { echo restarting; exit; }
# In the end there is always something mounted.
grep() { :; }
chroot() { echo "${2##*/}"; [ "${2##*/}" != e2fsck ] || return "$CHECKED"; }
disk=706f7263
"""


def data_partition(
    folder: Path, words: str, checked: int = 12, mounts: bool = False, in_use: bool = True, holds: tuple[str, ...] = ()
) -> list[str]:
    """What the initramfs does about the data partition.

    Args:
        folder: an empty one.
        words: of the kernel's command line.
        checked: e2fsck's exit status.
        mounts: whether it can be mounted.
        in_use: whether the mark is on it that the build puts there.
        holds: what else.
    """
    gives_up = INIT[INIT.index("give_up() {") : INIT.index("# Drivers, by what the board says")]
    piece = INIT[INIT.index("# The data partition: repaired") : INIT.index("# A Pi has no clock")]
    for place in ("/system/var/lib/porchlight", "/run/porchlight", "/sys/class/block"):
        there = folder / place.strip("/")
        there.mkdir(parents=True)
        piece = piece.replace(place, str(there))
    (folder / "sys/class/block/data").mkdir()
    (folder / "sys/class/block/data/size").write_text("131072\n")
    if in_use:
        (folder / "system/var/lib/porchlight/in-use").touch()
    for name in holds:
        there = folder / "system/var/lib/porchlight" / name
        there.parent.mkdir(exist_ok=True)
        there.touch()
    env = {"MOUNTS": "yes" if mounts else "", "CHECKED": str(checked), "PATH": "/usr/bin:/bin"}
    script = f"line='ro {words} panic=10'\n{gives_up}{STUBS}{piece}"
    done = subprocess.run([SHELL, "-c", script], env=env, capture_output=True, text=True, check=False, timeout=20)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("in_use", [True, False])
def test_a_system_on_trial_leaves_the_data_to_the_former_one(tmp_path: Path, in_use: bool) -> None:
    did = data_partition(tmp_path, "rauc.slot=B porchlight.trial", mounts=False, in_use=in_use)
    assert MADE_ANEW not in did
    assert did[-1] == "restarting"
    assert not (tmp_path / "run/porchlight/data-lost").exists()


@pytest.mark.parametrize("words", ["rauc.slot=A", "rauc.slot=B porchlight.trial porchlight.last"])
@pytest.mark.parametrize(("mounts", "in_use"), [(False, True), (True, False)])
def test_who_is_left_alone_or_has_shown_what_it_can_makes_it_anew(
    tmp_path: Path, words: str, mounts: bool, in_use: bool
) -> None:
    did = data_partition(tmp_path, words, mounts=mounts, in_use=in_use)
    assert MADE_ANEW in did
    assert "restarting" not in did


@pytest.mark.parametrize("checked", [0, 1, 12])
@pytest.mark.parametrize("words", ["rauc.slot=A", "rauc.slot=B porchlight.trial"])
def test_it_is_said_that_a_repair_has_left_nothing_at_whatever_start_it_was(
    tmp_path: Path, words: str, checked: int
) -> None:
    """The power may have gone after it, and e2fsck finds the empty file system in order then."""
    did = data_partition(tmp_path, words, checked, mounts=True, in_use=False)
    assert MADE_ANEW in did
    assert "restarting" not in did
    assert (tmp_path / "run/porchlight/data-lost").exists()
    kept = tmp_path / "system/var/lib/porchlight"
    assert {one.name for one in kept.iterdir()} == {"in-use", "data-lost"}


@pytest.mark.parametrize("claimed", [True, False])
def test_it_is_said_until_somebody_has_claimed_the_card(tmp_path: Path, claimed: bool) -> None:
    """So also when the system on trial that lost the data is not the one that runs in the end."""
    holds = ("data-lost", "page/password.json") if claimed else ("data-lost",)
    did = data_partition(tmp_path, "rauc.slot=A", checked=0, mounts=True, holds=holds)
    assert MADE_ANEW not in did
    assert (tmp_path / "run/porchlight/data-lost").exists() is not claimed
    assert (tmp_path / "system/var/lib/porchlight/data-lost").exists() is not claimed


def test_parts_of_files_that_were_being_written_are_removed(tmp_path: Path) -> None:
    parts = (".forget.12.new", "page/.password.json.345.new", "upload/.update.raucb.new")
    holds = ("page/password.json", "settings/saved.toml", "settings/.new", "relay/.certificate.new.pem")
    data_partition(tmp_path, "rauc.slot=A", checked=0, mounts=True, holds=(*parts, *holds))
    there = tmp_path / "system/var/lib/porchlight"
    assert {str(one.relative_to(there)) for one in there.rglob("*") if one.is_file()} == {*holds, "in-use"}


@pytest.mark.parametrize("checked", [0, 1, 4])
def test_what_can_be_mounted_is_kept_on_trial_too(tmp_path: Path, checked: int) -> None:
    did = data_partition(tmp_path, "rauc.slot=B porchlight.trial", checked, mounts=True)
    assert MADE_ANEW not in did
    assert "restarting" not in did
