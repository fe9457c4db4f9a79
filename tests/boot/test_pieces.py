"""The pieces of the harness by themselves: what they would miss, no boot could show."""

import pytest

from appliance.lights.language import ALL, DARK, PATTERNS, Frame, frame
from appliance.lights.scenes import answer
from appliance.status.state import State
from tests.boot import gpio, time_server
from tests.boot.eye import Look, find, find_order, spans
from tests.boot.mdns import addresses, question
from tests.boot.upstream import Origin, split_header
from tests.boot.visitor import Form, forms_in

# An answer of the emulator's monitor: GPIO 17 and 27 are outputs, 17 is high, and so is 22, which is an input.
ANSWER = """\
000000003f200000: 0x00000000 0x00200000 0x00200000 0x00000000\r
000000003f200010: 0x24000000 0x00000924 0x00000000 0x00000000\r
000000003f200020: 0x00000000 0x00000000 0x00000000 0x00000000\r
000000003f200030: 0x00000000 0x00420000\r
"""


def test_registers_are_read_as_pins() -> None:
    seen = gpio.levels(gpio.words(ANSWER))
    assert seen.outputs == Frame(green=True, amber=True, red=False)
    assert seen.lit == Frame(green=True, amber=False, red=False)


def test_another_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="register words"):
        gpio.words("unknown command: 'xp'")


def looks(state: State, seconds: float, begin: float = 0.0, every: float = 0.04) -> list[Look]:
    """What a punctual eye sees of a pattern."""
    return [
        Look(begin + number * every, frame(PATTERNS[state], number * every)) for number in range(int(seconds / every))
    ]


@pytest.mark.parametrize("state", State)
def test_each_pattern_is_recognised_and_no_other(state: State) -> None:
    seen = looks(state, 20)
    assert [other for other in State if find(PATTERNS[other], seen)] == [state]


def test_a_pattern_is_found_after_another() -> None:
    seen = looks(State.STARTING, 4.8) + looks(State.RELAYING, 10, begin=4.8)
    found = find(PATTERNS[State.RELAYING], seen)
    assert found is not None
    assert found.begin == pytest.approx(4.8, abs=0.1)


@pytest.mark.parametrize("state", State)
def test_order_alone_tells_that_the_board_starts(state: State) -> None:
    seen = [one for one in looks(state, 20) if one.frame != DARK or one.at > 10]
    assert (find_order(PATTERNS[State.STARTING], seen) is not None) == (state is State.STARTING)


def test_a_look_between_two_pins_of_one_change_is_no_step() -> None:
    """As it was seen: green and amber were lit already and red not yet, for one look of a flash of all three."""
    all_lit = answer(3).three
    seen = [Look(number * 0.04, frame(all_lit, number * 0.04)) for number in range(200)]
    flash = next(number for number, one in enumerate(seen) if number > 60 and one.frame != seen[number - 1].frame)
    assert seen[flash].frame == ALL
    seen[flash] = seen[flash]._replace(frame=Frame(green=True, amber=True, red=False))
    assert find(all_lit, seen) is not None
    assert Frame(green=True, amber=True, red=False) not in [one.frame for one in spans(seen)]


def test_a_step_that_lasts_is_never_taken_for_a_change_under_way() -> None:
    seen = looks(State.STARTING, 4.8)
    assert {one.frame for one in spans(seen)} == {one.frame for one in seen}


def test_a_dark_board_shows_no_state() -> None:
    seen = [Look(number / 25, DARK) for number in range(1000)]
    assert not [state for state in State if find(PATTERNS[state], seen)]
    assert [one.frame for one in spans(seen)] == [DARK]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"PRO", None),
        (b"PROXY TCP4 203.0.113.9 192.168.77.50 50000 443\r", None),
        (
            b"PROXY TCP4 203.0.113.9 192.168.77.50 50000 443\r\nWA\x06\x03",
            (Origin("203.0.113.9", 50000), b"WA\x06\x03"),
        ),
        (b"WA\x06\x03 and more", (None, b"WA\x06\x03 and more")),
        (b"PROXY nonsense\r\nWA", (None, b"PROXY nonsense\r\nWA")),
    ],
)
def test_header_is_taken_off(data: bytes, expected: tuple[Origin | None, bytes] | None) -> None:
    assert split_header(data) == expected


def test_forms_are_filled_as_a_browser_would() -> None:
    body = """<form action="/x" method=post><input type=hidden name=csrf_token value=abc>
    <input name=domain value="a&amp;b">
    <input type=checkbox name=on><button name=do value=save>Save</button></form><input name=outside>"""
    assert forms_in(body) == [Form("/x", "post", {"csrf_token": "abc", "domain": "a&b", "do": "save"})]


def test_multicast_answers_are_read() -> None:
    asked = question("porchlight.local")
    assert asked.endswith(b"\x0aporchlight\x05local\0\0\x01\0\x01")
    answer = b"\0\0\x84\0\0\x01\0\x01\0\0\0\0" + asked[12:] + b"\xc0\x0c\0\x01\0\x01\0\0\0\x0a\0\x04\xc0\xa8\x4d\x32"
    assert addresses(answer, "porchlight.local") == ["192.168.77.50"]
    assert addresses(answer, "other.local") == []
    assert addresses(asked, "porchlight.local") == []
    assert addresses(answer[:-1] + b"", "porchlight.local") == []
    assert addresses(b"\0" * 5, "porchlight.local") == []


def test_time_is_told_to_those_who_ask() -> None:
    """Half past midnight of 1970, to a client of version 4; what is no question gets no answer."""
    question = time_server.PACKET.pack(4 << 3 | time_server.CLIENT, 0, 6, 0, 0, 0, 0, 0, 0, 0, 12345)
    told = time_server.PACKET.unpack(time_server.answer(question, 1800.5))
    assert told[:4] == (4 << 3 | time_server.SERVER, 1, 6, -20)
    assert told[-3] == 12345
    assert told[-1] == (2_208_988_800 + 1800 << 32) + (1 << 31)
    assert time_server.answer(question[:-1], 0) == b""
    assert time_server.answer(bytes(48), 0) == b""
