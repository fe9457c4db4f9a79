"""The QR code on the screen is read by a program that reads such codes off pictures: zbar.

What the card sends to its console is drawn as the kernel draws it, eight by sixteen pixels for each place.
"""

import ipaddress
import subprocess
from pathlib import Path

import pytest
import segno
from PIL import Image, ImageDraw

from appliance.network.home import Home
from appliance.paths import Paths
from appliance.settings import load
from appliance.status.blocks import blocks
from appliance.status.gather import Situation
from appliance.status.screen import screen
from appliance.status.state import Facts, State
from tests.status.test_screen import draw

WIDTH, HEIGHT = 8, 16
COLUMNS, ROWS = 80, 25
# The console's own colours: its light grey is what a QR code's ground is made of.
GROUND, INK = (0, 0, 0), (170, 170, 170)
# No cursor, nothing shown, from the upper left corner.
CLEAR = "\x1b[?25l\x1b[2J\x1b[H"


def picture(sent: str, middle: int, to: Path) -> Path:
    """What a console of 80 by 25 shows of what was sent to it.

    Args:
        sent: text, after the sequence that clears the screen.
        middle: pixels that the upper half block is high: 8 in most fonts, 7 in the kernel's own of VGA's time.
        to: the picture.
    """
    assert sent.startswith(CLEAR)
    lines = sent.removeprefix(CLEAR).split("\n")
    assert len(lines) <= ROWS
    assert max(map(len, lines)) <= COLUMNS
    shown = Image.new("RGB", (COLUMNS * WIDTH, ROWS * HEIGHT), GROUND)
    pen = ImageDraw.Draw(shown)
    spans = {"█": (0, HEIGHT), "▀": (0, middle), "▄": (middle, HEIGHT)}
    for row, line in enumerate(lines):
        for column, one in enumerate(line):
            x, y = column * WIDTH, row * HEIGHT
            if one in spans:
                upper, lower = spans[one]
                pen.rectangle((x, y + upper, x + WIDTH - 1, y + lower - 1), fill=INK)
            elif one != " ":
                pen.text((x, y + 2), one, fill=INK)
    shown.save(to)
    return to


def read(shown: Path) -> list[str]:
    """The QR codes in a picture."""
    command = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(shown)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 4), done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("middle", [8, 7])
@pytest.mark.parametrize("address", ["192.168.1.20", "192.168.255.255"])
def test_a_phone_reads_the_pages_address_off_the_screen(tmp_path: Path, address: str, middle: int) -> None:
    paths = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    home = Home((ipaddress.ip_address(address),), (), ())
    now = Situation(State.WAITING_TO_BE_CLAIMED, Facts(1.0, None, True), home, load(paths))
    (tmp_path / "tty1").touch()
    done = draw(tmp_path, screen(now, "7KQ4-MXRP", ("The clock is wrong.",)), "tty0")
    assert done.returncode == 0, done.stderr
    shown = picture((tmp_path / "tty1").read_text(), middle, tmp_path / "screen.png")
    assert read(shown) == [f"http://{address}:8199/"]


def test_what_is_no_code_is_not_read(tmp_path: Path) -> None:
    lines = blocks("http://192.168.1.20:8199/")
    torn = "\n".join(line[:10] + line[20:] for line in lines)
    assert read(picture(CLEAR + torn, 8, tmp_path / "torn.png")) == []


def test_the_code_has_its_quiet_zone() -> None:
    lines = blocks("http://192.168.1.20:8199/")
    assert {len(line) for line in lines} == {33}
    assert len(lines) == 17
    assert all(line[:4] == line[-4:] == "████" for line in lines[:-1])
    assert set(lines[0]) == set(lines[1]) == {"█"}


def test_the_code_of_an_address_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen asks every two seconds, for months."""
    made: list[str] = []
    make = segno.make_qr

    def counted(content: str, error: str) -> segno.QRCode:
        made.append(content)
        return make(content, error=error)

    monkeypatch.setattr("segno.make_qr", counted)
    addresses = ["http://192.168.1.31/", "http://192.168.1.32/"]
    drawn = [[blocks(one) for _ in range(3)] for one in addresses]
    assert made == addresses
    assert drawn[0][0] != drawn[1][0]
