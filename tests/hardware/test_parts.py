"""Resistors follow from the LEDs' data, and keep every pin within its limits."""

import csv
import io
from dataclasses import replace

import pytest

from hardware.parts import E12, bands, bill, load_parts, resistor


@pytest.mark.parametrize(
    ("forward", "milliamperes", "ohms"), [(2.0, 4, 330), (2.1, 4, 330), (1.98, 4, 330), (2.0, 13, 100), (3.0, 4, 82)]
)
def test_the_next_value_that_is_sold(forward: float, milliamperes: float, ohms: int) -> None:
    assert resistor(3.3, forward, milliamperes) == ohms


def test_more_than_wanted_never_flows() -> None:
    for tenths in range(15, 32):
        for milliamperes in (1, 2, 4, 8):
            ohms = resistor(3.3, tenths / 10, milliamperes)
            assert (3.3 - tenths / 10) / ohms * 1000 <= milliamperes + 1e-9
            while ohms >= 100:
                ohms //= 10
            assert ohms in E12


def test_a_blue_led_does_not_light() -> None:
    with pytest.raises(ValueError, match=r"an LED of 3\.4 V does not light from 3\.3 V"):
        resistor(3.3, 3.4, 4)


def test_the_limits_of_the_pins_hold_even_with_dead_shorts() -> None:
    parts = load_parts()
    assert parts.shorted < parts.pin_limit == 16
    assert 3 * parts.shorted < parts.all_limit == 50
    assert parts.together < 3 * parts.shorted
    # Bright enough to be seen with the dimmest of the LEDs: a milliampere is plenty for a light in a room.
    assert all(parts.current(led, led.volts[2]) > 1 for led in parts.leds)


def test_a_pressed_button_is_low_and_no_short() -> None:
    parts = load_parts()
    pressed = parts.supply * parts.button_ohms / (parts.button_ohms + parts.pull_up_ohms)
    assert pressed < 0.8, "the highest voltage that counts as low"
    assert parts.supply / parts.button_ohms * 1000 < parts.pin_limit, "even if the pin is an output by mistake"


@pytest.mark.parametrize(
    ("ohms", "colours"),
    [
        (330, ("orange", "orange", "brown", "gold")),
        (1000, ("brown", "black", "red", "gold")),
        (4700, ("yellow", "violet", "red", "gold")),
        (82, ("grey", "red", "black", "gold")),
        (220000, ("red", "red", "yellow", "gold")),
    ],
)
def test_bands(ohms: int, colours: tuple[str, ...]) -> None:
    assert bands(ohms) == colours


@pytest.mark.parametrize("ohms", [337, 3, 1001])
def test_values_that_four_bands_cannot_say(ohms: int) -> None:
    with pytest.raises(ValueError, match=r"bands|multiplier"):
        bands(ohms)


def test_the_sum_is_shown_with_its_figures() -> None:
    lines = load_parts().sums()
    assert lines[1].startswith("amber: (3.3 V - 2.0 V) / 4 mA = 325 Ω, the next value sold is 330 Ω: 3.9 mA")
    assert "of a pin's 16 mA" in lines[-1]


def test_other_leds_change_the_resistor() -> None:
    parts = load_parts()
    dim = replace(parts.leds[2], milliamperes=1.5)
    assert replace(parts, leds=(*parts.leds[:2], dim)).ohms == 1000


def test_the_bill_names_every_part_of_the_board() -> None:
    from hardware.board.circuit import circuit

    rows = list(csv.DictReader(io.StringIO(bill(load_parts()))))
    named = [ref for row in rows for ref in row["references"].split() if ref != "-"]
    assert sorted(named) == sorted(part.ref for part in circuit() if part.in_bill)
    assert all(row["alternatives"] and int(row["quantity"]) > 0 for row in rows)
    assert next(row for row in rows if "R1" in row["references"])["part"] == f"Resistor {load_parts().ohms} ohm"
