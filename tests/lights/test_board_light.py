"""The board's own light, in a folder that stands in for the kernel's: which files are written, and what comes back."""

from pathlib import Path

import pytest

from appliance.errors import PinsError
from appliance.lights.board_light import BoardLight, MissingLightError
from appliance.lights.shade import OFF, Levels
from tests.lights.recording import kernel_leds


def test_it_is_taken_by_hand_and_given_back(tmp_path: Path) -> None:
    leds = kernel_leds(tmp_path, trigger="none timer [mmc0] heartbeat")
    light = BoardLight(leds)
    assert (leds / "ACT" / "trigger").read_text() == "none"
    for levels, level in ((Levels(100, 0, 0), "1"), (OFF, "0"), (Levels(0, 0, 8), "1"), (Levels(0, 40, 0), "1")):
        light.show(levels)
        assert (leds / "ACT" / "brightness").read_text() == level
    light.close()
    assert (leds / "ACT" / "trigger").read_text() == "mmc0"


@pytest.mark.parametrize("left", ["[none] timer heartbeat", "none [timer] heartbeat"])
def test_what_a_process_that_died_left_behind_is_nobodys_wish(tmp_path: Path, left: str) -> None:
    leds = kernel_leds(tmp_path, trigger=left)
    BoardLight(leds).close()
    assert (leds / "ACT" / "trigger").read_text() == "heartbeat"


def test_it_is_written_when_it_changes_and_not_more_often(tmp_path: Path) -> None:
    leds = kernel_leds(tmp_path)
    light = BoardLight(leds)
    light.show(OFF)
    (leds / "ACT" / "brightness").write_text("untouched")
    light.show(OFF)
    assert (leds / "ACT" / "brightness").read_text() == "untouched"


def test_an_older_kernels_name(tmp_path: Path) -> None:
    leds = kernel_leds(tmp_path, "led0")
    BoardLight(leds).show(Levels(100, 0, 0))
    assert (leds / "led0" / "brightness").read_text() == "1"


@pytest.mark.parametrize("name", ["PWR", "mmc0::", "input0::capslock"])
def test_a_board_without_one(tmp_path: Path, name: str) -> None:
    """The Pi 400 has a power light alone, the Pi 5 none; neither is ours to blink with."""
    leds = kernel_leds(tmp_path, name)
    with pytest.raises(MissingLightError, match="no light of its own"):
        BoardLight(leds)
    assert (leds / name / "trigger").read_text() == "none timer [heartbeat] mmc0"
    with pytest.raises(MissingLightError):
        BoardLight(tmp_path / "nothing")


def test_one_that_may_not_be_written(tmp_path: Path) -> None:
    leds = kernel_leds(tmp_path)
    (leds / "ACT" / "brightness").unlink()
    light = BoardLight(leds)
    with pytest.raises(PinsError, match="cannot be used") as caught:
        light.show(Levels(100, 0, 0))
    assert "board_light = false" in caught.value.todo
    light.close()


def test_letting_go_never_fails(tmp_path: Path) -> None:
    leds = kernel_leds(tmp_path)
    light = BoardLight(leds)
    for name in ("trigger", "brightness"):
        (leds / "ACT" / name).unlink()
    light.close()
