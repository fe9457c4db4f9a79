"""The very last thing: what is shown when all is stored, and that it is not shown before."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.lights.unplug import leave_word, read_word, still_written
from appliance.paths import Paths
from appliance.settings.declared import LightsSettings
from tests.lights.recording import PINS, ROOT, STAND_IN, kernel_leds, read_transcript

# What systemd-shutdown leaves mounted on the card, and what it may fail to unmount (proc_pid_mountinfo(5)).
STORED = """\
22 1 0:20 / / rw,relatime - overlay overlay rw,lowerdir=/slot,upperdir=/memory/upper,workdir=/memory/work
25 22 0:5 / /dev rw,nosuid - devtmpfs devtmpfs rw,size=447648k
26 22 0:21 / /run rw,nosuid,nodev - tmpfs tmpfs rw,mode=755
30 22 179:2 / /slot ro,relatime - ext4 /dev/mmcblk0p2 ro
"""
DATA = "31 22 179:4 / /var/lib/porchlight rw,noatime - ext4 /dev/mmcblk0p4 rw\n"
FIRMWARE = "32 22 179:1 / /boot/firmware ro,nosuid - vfat /dev/mmcblk0p1 ro,fmask=0137\n"


def test_what_is_still_written() -> None:
    assert still_written(STORED) == []
    assert still_written(STORED + FIRMWARE) == []
    assert still_written(STORED + DATA + FIRMWARE) == ["/var/lib/porchlight"]
    assert still_written(DATA.replace(" rw,noatime", " ro,noatime")) == ["/var/lib/porchlight"]


def test_the_word_that_the_lights_leave(tmp_path: Path) -> None:
    settings = replace(LightsSettings(), rgb="common-anode", night="off", red_gpio=5)
    leave_word(tmp_path / "word", settings)
    assert read_word(tmp_path / "word") == settings


@pytest.mark.parametrize("change", [{"red_gpio": 99}, {"rgb": "yes"}, {"enabled": 1}, {"brightness": 0}])
def test_a_word_that_cannot_be_right(tmp_path: Path, change: dict[str, object]) -> None:
    leave_word(tmp_path / "word", LightsSettings())
    raw = json.loads((tmp_path / "word").read_text())
    (tmp_path / "word").write_text(json.dumps(raw | change))
    assert read_word(tmp_path / "word") is None


def test_no_word(tmp_path: Path) -> None:
    assert read_word(tmp_path / "word") is None


class LastMoment:
    """A card whose system has ended."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder / "porchlight.toml", folder / "state", folder / "run")
        self.paths.lights_farewell.parent.mkdir(parents=True)
        self.paths.owner_file.touch()
        self.leds = kernel_leds(folder)
        self.mounts = folder / "mountinfo"
        self.mounts.write_text(STORED)
        self.transcript = folder / "transcript"
        self.settings = LightsSettings()

    def run(self, how: str) -> "subprocess.CompletedProcess[str]":
        leave_word(self.paths.lights_farewell, self.settings)
        command = [sys.executable, "-W", "error::ResourceWarning", "-m", "appliance.lights.unplug", how]
        command += ["--settings", str(self.paths.owner_file), "--state", str(self.paths.state)]
        command += ["--run", str(self.paths.run), "--leds", str(self.leds), "--mounts", str(self.mounts)]
        # To a file: the process that a halt leaves behind would hold a pipe open.
        with (self.paths.run / "stderr").open("w") as said:
            return subprocess.run(
                [*command, "--seconds", "1.5"],
                env={
                    **os.environ,
                    "PYTHONPATH": f"{ROOT}:{STAND_IN}",
                    "PORCHLIGHT_TRANSCRIPT": str(self.transcript),
                },
                stderr=said,
                timeout=60,
                text=True,
            )

    def left_behind(self) -> list[int]:
        """The processes that still run for it."""
        found = []
        for one in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if str(self.leds).encode() in (one / "cmdline").read_bytes():
                    found.append(int(one.name))
        return found

    @property
    def said(self) -> str:
        return (self.paths.run / "stderr").read_text()

    def lit(self) -> list[int]:
        level = {pin: value for _now, pin, value in read_transcript(self.transcript)}
        return [level.get(pin, 0) for pin in PINS.gpios]


@pytest.fixture
def moment(tmp_path: Path) -> Iterator[LastMoment]:
    last = LastMoment(tmp_path)
    yield last
    for pid in last.left_behind():
        os.kill(pid, signal.SIGKILL)


def test_all_lights_are_on_and_then_the_power_goes(moment: LastMoment) -> None:
    assert moment.run("poweroff").returncode == 0
    played = [one[1:] for one in read_transcript(moment.transcript)]
    for pin in PINS.gpios:
        assert [value for gpio, value in played if gpio == pin] == [0, 1, 0, -1]
    assert (moment.leds / "ACT" / "trigger").read_text() == "heartbeat"


def test_not_before_it_is_true(moment: LastMoment) -> None:
    moment.mounts.write_text(STORED + DATA)
    assert moment.run("poweroff").returncode == 1
    assert read_transcript(moment.transcript) == []
    assert "Not safe to unplug yet: /var/lib/porchlight" in moment.said


def test_not_on_lights_that_the_owner_has_turned_off(moment: LastMoment) -> None:
    moment.settings = LightsSettings(enabled=False)
    assert moment.run("poweroff").returncode == 0
    assert read_transcript(moment.transcript) == []


def test_on_the_owners_own_pins(moment: LastMoment) -> None:
    moment.settings = LightsSettings(green_gpio=5, amber_gpio=6, red_gpio=16, active_low=True)
    assert moment.run("poweroff").returncode == 0
    assert {pin for _now, pin, _value in read_transcript(moment.transcript)} == {5, 6, 16}
    assert [value for _now, pin, value in read_transcript(moment.transcript) if pin == 5] == [1, 0, 1, -1]


def test_a_halted_board_goes_on_showing_it(moment: LastMoment) -> None:
    assert moment.run("halt").returncode == 0
    assert moment.lit() == [1, 1, 1]
    assert len(moment.left_behind()) == 1, "a process holds the pins"
