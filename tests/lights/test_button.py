"""The button, from (time, level) to what somebody wants."""

import pytest

from appliance.lights.button import Button, Hold, Wish

# What is read, and when; the button's pin is looked at every 40 ms.
EVERY = 0.04


def play(button: Button, *parts: tuple[float, bool], begin: float = 1000.0) -> list[tuple[float, Wish]]:
    """Hold it down or leave it alone for some seconds each; returns the wishes with the time since the beginning."""
    found, step = [], 0
    for lasts, pressed in parts:
        for _ in range(round(lasts / EVERY)):
            wish = button.feed(begin + step * EVERY, pressed)
            if wish is not None:
                found.append((round(step * EVERY, 2), wish))
            step += 1
    return found


@pytest.mark.parametrize(
    ("held", "wish"),
    [
        (0.08, Wish.NETWORK),
        (0.4, Wish.NETWORK),
        (2.9, Wish.NETWORK),
        (3.1, Wish.CLAIM),
        (7.9, Wish.CLAIM),
        (8.1, None),
        (14.9, None),
        (15.1, Wish.RESET),
        (59.0, Wish.RESET),
        (60.1, None),
    ],
)
def test_what_somebody_wants_shows_by_how_long_it_is_held(held: float, wish: Wish | None) -> None:
    wishes = play(Button(), (1.0, False), (held, True), (1.0, False))
    assert [one for _at, one in wishes] == ([wish] if wish else [])
    if wish:
        # It acts when the button is let go, and not before.
        assert 1.0 + held <= wishes[0][0] <= 1.0 + held + 3 * EVERY


def test_contacts_that_bounce_are_one_press() -> None:
    button, wishes = Button(), []
    levels = [(0.0, False), (0.1, False), (0.2, True), (0.205, False), (0.21, True), (0.215, False), (0.22, True)]
    levels += [(0.26, True), (0.5, True), (0.6, False), (0.605, True), (0.61, False), (0.65, False), (0.7, False)]
    for now, pressed in levels:
        wishes.append(button.feed(1000 + now, pressed))
    assert [one for one in wishes if one] == [Wish.NETWORK]


def test_a_glitch_of_one_reading_is_no_press() -> None:
    assert play(Button(), (1.0, False), (EVERY, True), (1.0, False)) == []


def test_what_letting_go_would_do_is_known_all_the_time() -> None:
    button = Button()
    button.feed(1000.0, False)
    button.feed(1000.1, False)
    button.feed(1001.0, True)
    button.feed(1001.1, True)
    stages = {1.2: Hold.SHORT, 4.1: Hold.LONG, 9.1: Hold.TOO_LONG, 16.1: Hold.VERY_LONG, 61.1: Hold.STUCK}
    for now, hold in stages.items():
        assert button.hold(1000 + now) is hold
    button.feed(1020.0, False)
    button.feed(1020.1, False)
    assert button.hold(1020.1) is Hold.NOTHING_HELD


@pytest.mark.parametrize(("held", "wish"), [(0.4, None), (4.9, None), (5.1, Wish.RESET), (60.1, None)])
def test_held_while_the_power_is_put_in(held: float, wish: Wish | None) -> None:
    wishes = play(Button(), (held, True), (1.0, False), begin=20.0)
    assert [one for _at, one in wishes] == ([wish] if wish else [])


def test_down_when_the_lights_start_again_later_is_an_ordinary_press() -> None:
    assert [one for _at, one in play(Button(), (5.1, True), (1.0, False), begin=5000.0)] == [Wish.CLAIM]


def test_a_second_press_is_another_one() -> None:
    button = Button()
    wishes = play(button, (1.0, False), (0.4, True), (0.4, False), (4.0, True), (0.4, False))
    assert [one for _at, one in wishes] == [Wish.NETWORK, Wish.CLAIM]
