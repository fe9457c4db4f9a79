"""A stick's top folder as a plain folder, the kernel's list of disks as files; only RAUC's part is played.

Real file systems, hostile ones among them, meet the card's own kernel and RAUC in tests/boot/test_stick.py.
"""

import json
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import __version__
from appliance.clock import since_boot
from appliance.errors import UpdateError
from appliance.paths import Paths
from appliance.status import update as update_status
from appliance.status.update import UpdateStatus
from appliance.update import LARGEST_BUNDLE, draft, pick, record, stick, trial, volumes
from appliance.update.feed import COMPATIBLE
from appliance.update.record import Outcome, Record
from appliance.update.service import wish
from appliance.update.verdict import PATIENCE_WITHOUT_LINE, Seen, Verdict
from tests.update.card import Card

NEW, NEWEST = "98.0.0", "99.0.0"
# In the place of RAUC: a bundle is good if it says its version in its first line, and of whom.
RAUC = f"""\
#!{sys.executable}
import json, sys
first = open(sys.argv[-1], "rb").readline().decode()
if not first.startswith("signed "):
    sys.exit("signature verification failed")
print(json.dumps({{"compatible": "{COMPATIBLE}", "version": first.split()[1]}}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The top folder of a stick."""
    found = tmp_path / "stick"
    found.mkdir()
    return found


@pytest.fixture
def rauc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RAUC's stand-in is the one that is found."""
    program = tmp_path / "bin/rauc"
    program.parent.mkdir()
    program.write_text(RAUC)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def bundle(folder: Path, version: str, content: str | None = None) -> Path:
    """A bundle called by its version; a sound one, unless it holds something else."""
    path = folder / f"porchlight-{version}-arm64.raucb"
    path.write_text(f"signed {version}\n" + "x" * 3_000_000 if content is None else content)
    return path


def checked(path: Path) -> str:
    """The version by the name alone."""
    return path.name.split("-")[1]


def said(paths: Paths) -> UpdateStatus:
    """What page and lights read."""
    found = update_status.read(paths.update_status, since_boot())
    assert found
    return found


def looked_at(paths: Paths, folder: Path) -> UpdateStatus:
    """What is said when somebody has put a stick in."""
    paths.update_upload.parent.mkdir(exist_ok=True)
    stick.look(paths, [folder], user=None)
    return said(paths)


def test_only_files_that_are_called_like_a_bundle_newest_first(folder: Path, tmp_path: Path) -> None:
    wanted = [bundle(folder, version) for version in ("0.10.0", "0.9.0", "0.9.0-rc.1", "0.2.0")]
    for name in ("porchlight-1.0.0.raucb", "porchlight-x-arm64.raucb", "._porchlight-1.0.0-arm64.raucb", "a.raucb"):
        (folder / name).write_text("x")
    (folder / "porchlight-5.0.0-arm64.raucb").mkdir()
    (folder / "porchlight-6.0.0-arm64.raucb").symlink_to("/etc/shadow")
    os.mkfifo(folder / "porchlight-7.0.0-arm64.raucb")
    (folder / "deep").mkdir()
    bundle(folder / "deep", "8.0.0")
    assert pick.candidates([folder]) == wanted
    assert pick.candidates([tmp_path / "gone", folder]) == wanted


def test_many_files_cost_no_more_than_a_few(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        bundle(folder, f"1.0.{number}", "x")
    asked: list[str] = []

    def never(path: Path) -> str:
        asked.append(path.name)
        raise UpdateError("no")

    with pytest.raises(UpdateError):
        pick.choose(pick.candidates([folder]), None, never)
    assert len(asked) == pick.MOST_TRIED
    assert asked[0] == "porchlight-1.0.49-arm64.raucb"
    monkeypatch.setattr(pick, "MOST_ENTRIES", 3)
    assert len(pick.candidates([folder])) == 3


def test_a_bad_one_does_not_stand_in_the_way_of_a_good_one(folder: Path) -> None:
    bundle(folder, NEWEST, "")
    good = bundle(folder, NEW)
    assert pick.choose(pick.candidates([folder]), None, checked) == (good, NEW)


def test_where_none_is_good_the_newest_one_is_spoken_of(folder: Path) -> None:
    bundle(folder, "0.0.1")
    bundle(folder, NEWEST, "")
    with pytest.raises(UpdateError, match="damaged or incomplete"):
        pick.choose(pick.candidates([folder]), None, checked)
    with pytest.raises(UpdateError, match="no update on the USB stick"):
        pick.choose([], None, checked)


@pytest.mark.parametrize(
    ("version", "last", "expected"),
    [
        (NEW, None, ""),
        (__version__, None, "There is no newer version than this one."),
        ("0.0.1", None, "There is no newer version than this one."),
        (NEW, Record(NEWEST, "B", __version__, Outcome.FAILED), ""),
        # It would be installed again and again, as long as the stick is in.
        (NEW, Record(NEW, "B", __version__, Outcome.FAILED), "did not work here"),
        (NEW, Record(NEW, "B", __version__, Outcome.TRIAL), "is being tried"),
        (NEW, Record(NEW, "B", __version__, Outcome.GOOD), "was installed, and it works"),
        (NEW, Record(NEW, "B", __version__, Outcome.UNCLEAR, 1), ""),
        (NEW, Record(NEW, "B", __version__, Outcome.UNCLEAR, 2), "could not show that it relays"),
        (NEW, Record(NEW, "B", __version__, Outcome.WRITING, 1), ""),
        (NEW, Record(NEW, "B", __version__, Outcome.WRITING, 2), "did not work here"),
        # Another one came after it.
        (NEW, Record("97.0.0", "B", __version__, Outcome.FAILED, failed=(NEW,)), f"Version {NEW} did not work here"),
        (NEW, Record("97.0.0", "B", __version__, Outcome.FAILED, failed=(NEWEST,), once=(NEW,)), ""),
    ],
)
def test_what_was_tried_here_is_not_tried_again(version: str, last: Record | None, expected: str) -> None:
    found = pick.against(version, last)
    assert expected in found
    assert bool(found) == bool(expected)


@pytest.mark.parametrize("seen", [Seen(), Seen(page=True, ports=True)])
def test_a_stick_full_of_what_does_not_work_comes_to_an_end(
    card: Card, paths: Paths, folder: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found at each start; and whoever asks for one of them still gets it."""
    monkeypatch.setattr(trial, "since_boot", lambda: PATIENCE_WITHOUT_LINE)
    for version in (NEWEST, NEW, "97.0.0"):
        bundle(folder, version)
    tried: list[str] = []

    def choose() -> tuple[Path, str]:
        return pick.choose(pick.candidates([folder]), record.read(paths.update_record), checked)

    with suppress(UpdateError):
        while len(tried) < 20:
            path, version = choose()
            tried.append(version)
            install_in_vain(card, path, version, seen)
    with pytest.raises(UpdateError, match=f"Version {NEWEST}"):
        choose()
    # Without the Internet each has two tries.
    times = 2 if seen.page else 1
    assert sorted(tried, reverse=True) == [one for one in (NEWEST, NEW, "97.0.0") for _ in range(times)]
    install_in_vain(card, folder / "porchlight-98.0.0-arm64.raucb", NEW, seen)
    last = record.read(paths.update_record)
    assert last
    assert (last.version, set(last.failed)) == (NEW, {NEWEST, "97.0.0"})
    assert all(record.refused(last, one) for one in (NEWEST, NEW, "97.0.0"))


def install_in_vain(card: Card, path: Path, version: str, seen: Seen) -> None:
    """What a stick or the owner brings is installed, does not stay, and the former system runs again."""
    card.paths.update_upload.write_bytes(path.read_bytes())
    card.updates.install(str(card.paths.update_upload), version)
    card.start("B")
    assert card.judge(seen) is not Verdict.GOOD
    card.start("A").settle()


def test_a_trial_that_is_over_has_failed_even_before_anybody_noted_it(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = Record(NEW, "B", __version__)
    record.write(paths.update_record, tried)
    for slot, expected in (("A", Outcome.FAILED), ("B", Outcome.TRIAL), (None, Outcome.TRIAL)):
        monkeypatch.setattr(stick, "booted", lambda slot=slot: (slot, True))
        assert stick.last_update(paths) == replace(tried, outcome=expected)


@pytest.mark.parametrize("size", [0, LARGEST_BUNDLE + 1])
def test_sizes_that_no_bundle_has_are_not_opened(folder: Path, size: int) -> None:
    path = bundle(folder, NEW)
    os.truncate(path, size)
    with pytest.raises(UpdateError, match="damaged or incomplete"):
        pick.choose([path], None, checked)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/etc/passwd")])
def test_what_changes_its_kind_is_not_opened(folder: Path, make: Callable[[Path], None]) -> None:
    """Between the look at the names and the look at the file a stick can say anything."""
    path = folder / "porchlight-1.0.0-arm64.raucb"
    make(path)
    with pytest.raises(UpdateError, match="damaged or incomplete"):
        pick.copy(path, 1)


def test_where_the_card_has_no_room_it_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "SPARE", 1 << 60)
    with (tmp_path / "copy").open("wb") as file, pytest.raises(UpdateError, match="no room left"):
        pick.copy(bundle(folder, NEW), file.fileno())
    assert not (tmp_path / "copy").stat().st_size


def test_what_cannot_be_written_is_said(folder: Path) -> None:
    with Path("/dev/null").open("rb") as file, pytest.raises(UpdateError, match="memory card cannot be written"):
        draft.write(file.fileno(), b"x")


@pytest.mark.usefixtures("rauc")
def test_the_newest_good_one_goes_the_way_of_a_file_that_the_page_was_given(paths: Paths, folder: Path) -> None:
    bundle(folder, NEWEST, "forged\n")
    good = bundle(folder, NEW)
    # What lay there before, even a link.
    paths.update_upload.parent.mkdir(exist_ok=True)
    paths.update_upload.symlink_to(folder / "elsewhere")
    status = looked_at(paths, folder)
    assert (status.phase, status.version, status.at_work) == ("installing", NEW, True)
    assert wish(paths.update_wish) == str(paths.update_upload)
    assert not paths.update_upload.is_symlink()
    assert paths.update_upload.read_bytes() == good.read_bytes()
    # Whoever the updater is, it can read it.
    assert stat.S_IMODE(paths.update_upload.stat().st_mode) == 0o644
    assert [path.name for path in paths.update_upload.parent.iterdir()] == [paths.update_upload.name]


@pytest.mark.usefixtures("rauc")
@pytest.mark.parametrize(
    ("version", "content", "expected"),
    [
        (NEW, "forged\n", "The update was not signed by the makers of this porchlight."),
        ("0.0.1", None, "The update is older than what runs here."),
        # Called a newer one, and it is not.
        (NEW, f"signed {__version__}\n", "There is no newer version than this one."),
        (NEW, "", "The update is damaged or incomplete."),
    ],
)
def test_why_nothing_is_installed_is_said(
    paths: Paths, folder: Path, version: str, content: str | None, expected: str
) -> None:
    bundle(folder, version, content)
    status = looked_at(paths, folder)
    assert (status.said, status.phase) == (expected, "idle")
    assert wish(paths.update_wish) is None
    assert not list(paths.update_upload.parent.iterdir())


def test_what_is_no_file_system_of_a_stick_is_said(paths: Paths) -> None:
    stick.look(paths, [], user=None)
    assert said(paths).said == pick.NOTHING


@pytest.mark.usefixtures("rauc")
def test_what_became_of_the_last_update_stays_what_it_was(paths: Paths, folder: Path) -> None:
    """A stick that was left in is found at the start that follows, while its version is being tried."""
    tried = Record(NEW, "B", __version__, Outcome.GOOD)
    record.write(paths.update_record, tried)
    bundle(folder, NEW)
    status = looked_at(paths, folder)
    assert (status.outcome, status.phase) == ("good", "idle")
    assert "it works" in status.said


@pytest.mark.usefixtures("rauc")
def test_a_card_that_is_failing_is_said(paths: Paths, folder: Path) -> None:
    bundle(folder, NEW)
    elsewhere = replace(paths, state=paths.state / "gone")
    stick.look(elsewhere, [folder], user=None)
    assert "The memory card cannot be written" in said(elsewhere).said


def test_what_the_other_half_says_is_not_believed(
    paths: Paths, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    monkeypatch.setattr(sys, "executable", str(other))
    for word in ("", "nonsense", '{"taken": 7}', '{"install": "/etc/shadow"}', "[" * 5000, '{"taking": "1.0.0"}'):
        other.write_text(f"#!/bin/sh\ncat <<'END'\n{word}\nEND\n")
        other.chmod(0o755)
        assert looked_at(paths, folder).said == "The update is damaged or incomplete.", word
        assert said(paths).phase == "idle"
        assert wish(paths.update_wish) is None


def test_nothing_is_looked_at_while_an_update_is_written(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(volumes, "why_not", lambda disk: "")
    paths.update_status.parent.mkdir()
    update_status.publish(paths.update_status, UpdateStatus(since_boot(), "installing", NEW))
    with caplog.at_level("INFO"):
        stick.run(paths, "sda", user=None)
    assert "an update is being installed" in caplog.text
    assert said(paths).phase == "installing"


class Kernel:
    """What the kernel says of a disk ``sda`` with two partitions, in a USB socket."""

    def __init__(self, folder: Path) -> None:
        self.blocks, self.mounts = folder / "class/block", folder / "mountinfo"
        self.socket = folder / "devices/soc/usb1/1-1"
        self.disk = self.socket / "1-1:1.0/host0/target0:0:0/0:0:0:0/block/sda"
        self.blocks.mkdir(parents=True)
        self.mounts.write_text("21 1 0:20 / /proc rw - proc proc rw\n24 1 179:4 / /var/lib/porchlight rw - ext4 x rw\n")
        for number, path in enumerate((self.disk, self.disk / "sda1", self.disk / "sda10", self.disk / "sda2")):
            (path / "holders").mkdir(parents=True)
            (path / "dev").write_text(f"8:{number}\n")
            (path / "uevent").write_text(f"DEVNAME={path.name}\nPARTUUID=12345678-0{number}\n")
            (self.blocks / path.name).symlink_to(path)
            if number:
                (path / "partition").write_text(f"{path.name.removeprefix('sda')}\n")
        (folder / "bus/usb").mkdir(parents=True)
        (self.socket / "subsystem").symlink_to(folder / "bus/usb")

    def why_not(self, name: str = "sda") -> str:
        """Why it is no stick."""
        return volumes.why_not(name, self.blocks, self.mounts)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """A machine with a stick in it."""
    return Kernel(tmp_path / "sys")


def test_a_stick_is_looked_at_partition_by_partition_and_as_a_whole(kernel: Kernel) -> None:
    assert kernel.why_not() == ""
    assert volumes.volumes("sda", kernel.blocks) == ["sda1", "sda2", "sda10", "sda"]


def test_a_table_of_partitions_has_no_end_that_matters(kernel: Kernel) -> None:
    for number in range(11, 60):
        (kernel.disk / f"sda{number}").mkdir()
        (kernel.disk / f"sda{number}/partition").write_text(f"{number}\n")
    assert len(volumes.volumes("sda", kernel.blocks)) == volumes.MOST_PARTITIONS + 1


def test_what_does_not_hang_on_usb_is_no_stick(kernel: Kernel) -> None:
    (kernel.socket / "subsystem").unlink()
    assert "does not hang on USB" in kernel.why_not()


@pytest.mark.parametrize("name", ["mmcblk0", "sda1", "../sda", "loop0", "", "sdb", "vda"])
def test_other_names_are_no_sticks(kernel: Kernel, name: str) -> None:
    assert kernel.why_not(name)


@pytest.mark.parametrize("number", ["8:0", "8:2"])
def test_the_disk_that_the_system_runs_from_is_never_one(kernel: Kernel, number: str) -> None:
    with kernel.mounts.open("a") as file:
        file.write(f"30 1 {number} / /var/lib/porchlight rw - ext4 /dev/sda4 rw\n")
    assert "mounted" in kernel.why_not()


def test_neither_is_what_something_else_is_laid_over(kernel: Kernel) -> None:
    (kernel.disk / "sda2/holders/dm-0").symlink_to("/nowhere")
    assert "in use" in kernel.why_not()


def test_neither_is_another_porchlight_card(kernel: Kernel) -> None:
    (kernel.disk / "sda1/uevent").write_text("DEVNAME=sda1\nPARTUUID=706c6967-01\n")
    assert "porchlight card" in kernel.why_not()


def test_a_stick_that_is_pulled_out_is_gone(kernel: Kernel) -> None:
    (kernel.disk / "dev").unlink()
    assert kernel.why_not() == ""
    (kernel.blocks / "sda").unlink()
    assert "gone" in kernel.why_not()


def test_the_words_between_the_halves_are_short_enough() -> None:
    longest = "9" * 27 + "." * 2 + "-" + "x" * 80
    assert len(json.dumps({"taking": longest})) < stick.LONGEST_LINE
