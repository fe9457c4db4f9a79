"""Where a Raspberry Pi can show things: the pins of its header, and its own light. Either works without the other."""

from pathlib import Path

from appliance.lights.board import Board, GpioBoard, Wiring, wiring_settings
from appliance.lights.board_light import BoardLight
from appliance.lights.fixture import Socket
from appliance.lights.pins import load_pins
from appliance.settings.declared import LightsSettings


def sockets_of(scratch: Path, leds: Path) -> tuple[Socket, ...]:
    """The places to show things at; the first one may have a button.

    Args:
        scratch: a folder that may be written to.
        leds: the kernel's folder of all LEDs.
    """

    def open_pins(settings: LightsSettings) -> Board:
        return GpioBoard(Wiring.of(settings, load_pins()), scratch)

    def open_light(settings: LightsSettings) -> Board:
        return BoardLight(leds)

    return (
        Socket(lambda settings: settings.enabled, open_pins, wiring_settings),
        Socket(lambda settings: settings.enabled and settings.board_light, open_light),
    )
