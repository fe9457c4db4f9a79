"""The drawing in the terminal."""

import io

import pytest

from appliance.errors import PinsError
from appliance.lights.scenes import of_state
from appliance.lights.shade import OFF, Levels
from appliance.lights.terminal import TerminalBoard, drawn
from appliance.status.state import State

GREEN, AMBER = Levels(100, 0, 0), Levels(0, 100, 0)


class Terminal(io.StringIO):
    """A text that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_frame() -> None:
    assert drawn(GREEN) == "  \x1b[92m● \x1b[90m○ \x1b[90m○\x1b[0m   "


def test_a_terminal_is_drawn_anew_when_something_changes() -> None:
    out = Terminal()
    board = TerminalBoard(out)
    board.begin(of_state(State.UPSTREAM_UNREACHABLE))
    for levels in (AMBER, AMBER, OFF):
        board.show(levels)
    board.close()
    assert out.getvalue().count("\r\x1b[2K") == 3
    assert out.getvalue().count("WhatsApp does not answer") == 2
    assert out.getvalue().endswith("\n")


def test_without_a_terminal_there_is_a_line_for_each_state() -> None:
    out = io.StringIO()
    board = TerminalBoard(out)
    board.begin(of_state(State.RELAYING))
    board.show(GREEN)
    board.begin(of_state(State.STOPPED))
    board.close()
    assert [line.split(":")[1].strip() for line in out.getvalue().splitlines()] == ["relaying", "stopped"]
    assert "\x1b" not in out.getvalue()


def test_a_terminal_that_is_gone() -> None:
    out = Terminal()
    board = TerminalBoard(out)
    board.begin(of_state(State.RELAYING))
    board.show(GREEN)
    out.close()
    with pytest.raises(PinsError, match="is gone"):
        board.show(OFF)
    board.close()
