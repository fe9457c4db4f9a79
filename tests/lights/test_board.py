"""The pins themselves: what is asked of the library, in what order, and what it means when the library refuses."""

import os
import types
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from appliance.errors import PinsError
from appliance.lights import board, provider
from appliance.lights.board import GpioBoard, Wiring
from appliance.lights.shade import OFF, Levels
from appliance.settings.declared import LightsSettings
from tests.lights.recording import PINS

GREEN, AMBER, RED = PINS.gpios
USUAL = Wiring.of(LightsSettings(), PINS)
L = TypeVar("L", bound="Library")
Asked = list[tuple[object, ...]]


class Library(types.ModuleType):
    """RPi.GPIO's interface, which writes down what is asked of it."""

    BCM, OUT, IN, PUD_UP = 11, 0, 1, 22
    lgpio = "what stands behind it"

    def __init__(self) -> None:
        super().__init__("RPi.GPIO")
        self.asked: Asked = []
        self.level = 1
        self.refuses: Exception | None = None

    def setwarnings(self, value: bool) -> None:
        assert value is False

    def setmode(self, mode: int) -> None:
        assert mode == self.BCM

    def setup(self, gpio: int, direction: int, **how: object) -> None:
        if self.refuses:
            raise self.refuses
        self.asked.append(("setup", gpio, direction, *how.items()))

    def output(self, gpio: int, value: bool) -> None:
        self.asked.append((gpio, int(value)))

    def input(self, gpio: int) -> int:
        if self.refuses:
            raise self.refuses
        return self.level

    def cleanup(self) -> None:
        self.asked.append(("cleanup",))


class DimmingLibrary(Library):
    """One that can switch a pin very fast too."""

    def PWM(self, gpio: int, hertz: float) -> "Wave":
        assert hertz >= 90, "an eye would see it"
        return Wave(self.asked, gpio)


class Wave:
    def __init__(self, asked: Asked, gpio: int) -> None:
        self.asked, self.gpio = asked, gpio

    def start(self, duty: float) -> None:
        self.asked.append((self.gpio, "starts", duty))

    def ChangeDutyCycle(self, duty: float) -> None:
        self.asked.append((self.gpio, "changes", duty))

    def stop(self) -> None:
        self.asked.append((self.gpio, "stops"))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> DimmingLibrary:
    return use(monkeypatch, DimmingLibrary())


def use(monkeypatch: pytest.MonkeyPatch, library: L) -> L:
    monkeypatch.setattr(provider, "import_module", lambda name: library)
    return library


def since_open(library: Library) -> Asked:
    return [one for one in library.asked if one[0] != "setup"]


def test_the_pins_are_claimed_dark_and_let_go(library: DimmingLibrary, tmp_path: Path) -> None:
    pins = GpioBoard(USUAL, tmp_path)
    assert library.asked == [("setup", gpio, 0, ("initial", False)) for gpio in PINS.gpios]
    assert pins.pressed() is None
    pins.show(Levels(0, 100, 0))
    pins.show(Levels(0, 100, 0))
    pins.close()
    assert since_open(library) == [(AMBER, 1), (GREEN, 0), (AMBER, 0), (RED, 0), ("cleanup",)]


def test_full_brightness_switches_and_nothing_more(library: DimmingLibrary, tmp_path: Path) -> None:
    pins = GpioBoard(USUAL, tmp_path)
    for levels in (Levels(100, 0, 0), OFF, Levels(100, 100, 100)):
        pins.show(levels)
    assert all(len(one) == 2 for one in since_open(library))


def test_a_dimmed_lamp(library: DimmingLibrary, tmp_path: Path) -> None:
    pins = GpioBoard(USUAL, tmp_path)
    for green in (50, 20, 5, 100, 50, 0):
        pins.show(Levels(green, 0, 0))
    assert since_open(library) == [
        (GREEN, "starts", 25.0),
        (GREEN, "changes", 4.0),
        (GREEN, "changes", 1.0),
        (GREEN, "stops"),
        (GREEN, 1),
        (GREEN, "starts", 25.0),
        (GREEN, "stops"),
        (GREEN, 0),
    ]
    assert pins.note == ""


def test_a_library_that_cannot_dim_says_so_and_lights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library = use(monkeypatch, Library())
    pins = GpioBoard(USUAL, tmp_path)
    pins.show(Levels(50, 0, 0))
    assert since_open(library) == [(GREEN, 1)]
    assert "cannot be dimmed" in pins.note


def test_lamps_that_hang_at_the_supply_are_lit_by_a_low_pin(library: DimmingLibrary, tmp_path: Path) -> None:
    pins = GpioBoard(replace(USUAL, inverted=True), tmp_path)
    assert library.asked[0] == ("setup", GREEN, 0, ("initial", True))
    pins.show(Levels(100, 0, 0))
    pins.show(Levels(50, 0, 0))
    pins.close()
    assert since_open(library)[:4] == [(GREEN, 0), (GREEN, "starts", 75.0), (GREEN, "stops"), (GREEN, 1)]


@pytest.mark.parametrize(("kind", "lit"), [("common-cathode", 1), ("common-anode", 0)])
def test_one_lamp_of_three_colours(library: DimmingLibrary, tmp_path: Path, kind: str, lit: int) -> None:
    pins = GpioBoard(Wiring.of(LightsSettings(rgb=kind), PINS), tmp_path)
    assert pins.one_lamp
    dark = 1 - lit
    assert library.asked == [("setup", gpio, 0, ("initial", bool(dark))) for gpio in (GREEN, RED)]
    seen = {}
    level = {GREEN: dark, RED: dark}
    for name, levels in (("green", Levels(100, 0, 0)), ("amber", Levels(0, 100, 0)), ("red", Levels(0, 0, 100))):
        before = len(library.asked)
        pins.show(levels)
        level.update({int(str(gpio)): int(str(value)) for gpio, value in library.asked[before:]})
        seen[name] = (level[GREEN] == lit, level[RED] == lit)
    assert seen == {"green": (True, False), "amber": (True, True), "red": (False, True)}


def test_a_button(library: DimmingLibrary, tmp_path: Path) -> None:
    pins = GpioBoard(replace(USUAL, button=26), tmp_path)
    assert library.asked[-1] == ("setup", 26, 1, ("pull_up_down", 22))
    assert pins.pressed() is False
    library.level = 0
    assert pins.pressed() is True
    library.refuses = RuntimeError("'GPIO busy'")
    with pytest.raises(PinsError, match="GPIO 26"):
        pins.pressed()


def test_other_pins_as_the_owner_says() -> None:
    settings = LightsSettings(green_gpio=5, red_gpio=6, active_low=True, button_gpio=26)
    assert Wiring.of(settings, PINS) == Wiring((5, AMBER, 6), inverted=True, button=26)


@pytest.mark.parametrize("settings", [LightsSettings(green_gpio=RED), LightsSettings(button_gpio=AMBER)])
def test_one_pin_for_two_things(settings: LightsSettings) -> None:
    with pytest.raises(PinsError, match="one pin to two things") as caught:
        Wiring.of(settings, PINS)
    assert "porchlight.toml" in str(caught.value)


def test_one_lamp_of_three_colours_leaves_the_third_pin_free() -> None:
    assert Wiring.of(LightsSettings(rgb="common-anode", button_gpio=AMBER), PINS).button == AMBER


def test_every_setting_of_the_wires_opens_the_pins_anew() -> None:
    usual = board.wiring_settings(LightsSettings())
    for change in ({"green_gpio": 5}, {"amber_gpio": 5}, {"red_gpio": 5}, {"button_gpio": 5}, {"active_low": True}):
        assert board.wiring_settings(replace(LightsSettings(), **change)) != usual
    assert board.wiring_settings(LightsSettings(brightness=5, night="dim")) == usual


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("'GPIO busy'", "Another program holds pin GPIO 17."),
        ("Mmap of GPIO registers failed", "wants to reach into memory"),
        ("No access to /dev/mem.  Try running as root!", "wants to reach into memory"),
        ("This module can only be run on a Raspberry Pi!", "has no pins for lights"),
    ],
)
def test_what_the_library_says_in_plain_words(library: DimmingLibrary, tmp_path: Path, said: str, plain: str) -> None:
    library.refuses = RuntimeError(said)
    with pytest.raises(PinsError, match=plain) as caught:
        GpioBoard(USUAL, tmp_path)
    assert "relay is not affected" in str(caught.value)
    assert caught.value.todo
    # Whatever was claimed before is let go again.
    assert library.asked[-1] == ("cleanup",)


def test_pins_that_may_not_be_used(library: DimmingLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "CHIPS", tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (tmp_path / "gpiochip0").touch()
    library.refuses = RuntimeError("can not open gpiochip")
    with pytest.raises(PinsError, match="may not use the pins") as caught:
        GpioBoard(USUAL, tmp_path)
    assert "group gpio" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "behind", "fits"),
    [
        ("Raspberry Pi 3 Model B Rev 1.2", False, True),
        ("Raspberry Pi Zero 2 W Rev 1.0", False, True),
        ("Raspberry Pi 400 Rev 1.0", False, True),
        ("Raspberry Pi 5 Model B Rev 1.0", False, False),
        ("Raspberry Pi 500 Rev 1.0", False, False),
        ("Raspberry Pi Compute Module 5 Rev 1.0", False, False),
        ("Raspberry Pi 5 Model B Rev 1.0", True, True),
        ("Raspberry Pi 3 Model B Rev 1.2", True, True),
    ],
)
def test_the_older_library_does_not_know_the_pi_5(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: str, behind: bool, fits: bool
) -> None:
    library = use(monkeypatch, DimmingLibrary())
    if not behind:
        monkeypatch.delattr(Library, "lgpio")
    tree = tmp_path / "model"
    tree.write_text(model + "\0")
    monkeypatch.setattr(provider, "MODEL", tree)
    if fits:
        assert provider.provider(tmp_path) is library
        return
    with pytest.raises(PinsError, match="does not know this board") as caught:
        provider.provider(tmp_path)
    assert "rpi-lgpio" in caught.value.todo
