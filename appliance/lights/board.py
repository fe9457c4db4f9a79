"""The pins as a thing that shows levels: real ones through RPi.GPIO's interface, three LEDs or one of three colours."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from appliance.errors import PinsError
from appliance.lights.pins import Pins
from appliance.lights.provider import provider, trouble
from appliance.lights.scenes import Scene
from appliance.lights.shade import OFF, Levels
from appliance.settings.declared import LightsSettings
from appliance.text import Text, text

# Hertz. Fast enough that nobody sees it; each period wakes a thread twice, and a Pi has better things to do.
DIMMED_AT = 100


class Board(Protocol):
    """Something that the lights are connected to."""

    @property
    def one_lamp(self) -> bool:
        """Whether there is only one lamp, which shows a scene's rhythm for one."""

    @property
    def note(self) -> Text:
        """What it cannot do although the owner wants it; empty when there is nothing."""

    def begin(self, scene: Scene) -> None:
        """A scene begins; its levels follow.

        Raises:
            PinsError: the lights cannot be used any more.
        """

    def show(self, levels: Levels) -> None:
        """Light what the levels say.

        Raises:
            PinsError: the lights cannot be used any more.
        """

    def pressed(self) -> bool | None:
        """Whether the button is down; None where there is no button.

        Raises:
            PinsError: the button cannot be read any more.
        """

    def close(self) -> None:
        """Turn the lights off and let go of them; never raises."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What is connected to the pins, and how.

    Args:
        gpios: of the green, the amber and the red lamp.
        inverted: whether a low pin lights its lamp.
        rgb: whether one LED of three colours takes the lamps' place; it uses the green and the red one's pin.
        button: the button's GPIO number, 0 when there is none.
    """

    gpios: tuple[int, int, int]
    inverted: bool = False
    rgb: bool = False
    button: int = 0

    @classmethod
    def of(cls, settings: LightsSettings, pins: Pins) -> "Wiring":
        """The usual pins, but for what the owner says.

        Raises:
            PinsError: two things would share one pin.
        """
        chosen = settings.green_gpio, settings.amber_gpio, settings.red_gpio
        green, amber, red = (own or usual for own, usual in zip(chosen, pins.gpios, strict=True))
        rgb = settings.rgb != "off"
        inverted = settings.rgb == "common-anode" if rgb else settings.active_low
        used = [green, red, *([] if rgb else [amber]), *([settings.button_gpio] if settings.button_gpio else [])]
        if len(set(used)) != len(used):
            raise PinsError(
                text("The settings give one pin to two things (%(pins)s).", pins=", ".join(map(str, used))),
                text("The lights on the pins stay dark; the relay is not affected."),
                text("Correct the GPIO numbers under [lights] in porchlight.toml."),
            )
        return cls((green, amber, red), inverted, rgb, settings.button_gpio)


def wiring_settings(settings: LightsSettings) -> tuple[object, ...]:
    """What of the settings says how things are connected."""
    pins = settings.green_gpio, settings.amber_gpio, settings.red_gpio, settings.button_gpio
    return *pins, settings.active_low, settings.rgb


class GpioBoard:
    """LEDs on the header's pins, and maybe a button.

    Connect each LED's long leg to its pin through a resistor of 330 ohms, and its short leg to ground; a button
    between its pin and ground.

    Args:
        wiring: where they are connected, and how.
        scratch: a folder that may be written to.

    Raises:
        PinsError: there are no such pins, they are taken, or they may not be used.
    """

    def __init__(self, wiring: Wiring, scratch: Path) -> None:
        self._wiring = wiring
        self._shown: dict[int, int] = {}
        self._waves: dict[int, Any] = {}
        self._dimming: set[int] = set()
        self.note = text("")
        self._gpio: Any = provider(scratch)
        try:
            self._gpio.setwarnings(False)
            self._gpio.setmode(self._gpio.BCM)
            for gpio in self._lamps(OFF):
                self._claim(gpio)
            if wiring.button:
                self._claim_button()
        except Exception as error:
            self.close()
            raise error if isinstance(error, PinsError) else trouble(error) from error

    @property
    def one_lamp(self) -> bool:
        """One LED of three colours is one lamp."""
        return self._wiring.rgb

    def begin(self, scene: Scene) -> None:
        """Nothing to do: the pins know only levels."""

    def show(self, levels: Levels) -> None:
        """Set the pins that change."""
        for gpio, level in self._lamps(levels).items():
            if self._shown[gpio] == level:
                continue
            try:
                self._set(gpio, level)
            except Exception as error:
                raise trouble(error, gpio) from error
            self._shown[gpio] = level

    def pressed(self) -> bool | None:
        """Whether the button connects its pin to ground."""
        if not self._wiring.button:
            return None
        try:
            return not self._gpio.input(self._wiring.button)
        except Exception as error:
            raise trouble(error, self._wiring.button) from error

    def close(self) -> None:
        """Dark first, then back to inputs, as they were before."""
        for gpio in self._shown:
            with suppress(Exception):
                self._set(gpio, 0)
        self._shown.clear()
        self._waves.clear()
        with suppress(Exception):
            self._gpio.cleanup()

    def _lamps(self, levels: Levels) -> dict[int, int]:
        green, amber, red = self._wiring.gpios
        if self._wiring.rgb:
            # Red and green light together are amber.
            return {green: max(levels.green, levels.amber), red: max(levels.red, levels.amber)}
        return {green: levels.green, amber: levels.amber, red: levels.red}

    def _set(self, gpio: int, level: int) -> None:
        if 0 < level < 100 and self._dim(gpio, level):
            return
        if gpio in self._dimming:
            self._waves[gpio].stop()
            self._dimming.discard(gpio)
        self._gpio.output(gpio, (level > 0) is not self._wiring.inverted)

    def _dim(self, gpio: int, level: int) -> bool:
        """Switch the pin so fast that the lamp looks dimmed; False where the library cannot do that."""
        # An eye takes half the light for three quarters of it: the square makes the steps look even.
        duty = max(1.0, level * level / 100)
        duty = 100 - duty if self._wiring.inverted else duty
        try:
            if gpio not in self._waves:
                self._waves[gpio] = self._gpio.PWM(gpio, DIMMED_AT)
        except AttributeError:
            self.note = text("The lights cannot be dimmed here: they are either on or off.")
            return False
        if gpio in self._dimming:
            self._waves[gpio].ChangeDutyCycle(duty)
        else:
            self._waves[gpio].start(duty)
            self._dimming.add(gpio)
        return True

    def _claim(self, gpio: int) -> None:
        try:
            self._gpio.setup(gpio, self._gpio.OUT, initial=self._wiring.inverted)
        except Exception as error:
            raise trouble(error, gpio) from error
        self._shown[gpio] = 0

    def _claim_button(self) -> None:
        try:
            self._gpio.setup(self._wiring.button, self._gpio.IN, pull_up_down=self._gpio.PUD_UP)
        except Exception as error:
            raise trouble(error, self._wiring.button) from error
