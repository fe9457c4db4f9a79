"""The sheet to print and hang beside the porchlight: what the lights say, and what to do, on one page of A4.

Its words are those of the table in docs/lights.md, its rhythms those that the lights show.
"""

import itertools
import textwrap

from appliance.lights.language import PATTERNS, Frame
from appliance.status.state import State
from hardware.draw_lights import tables
from hardware.drawing import FAINT, INK, Sheet

WIDTH, HEIGHT = 794, 1123  # A4 at 96 pixels an inch
EDGE, TOP, BOTTOM = 36, 104, 58
HUES = ("#1f9d4d", "#f0a30a", "#d6322b")
DARK = "#e3e6eb"
STRIP_X, STRIP, SECONDS, LANE = 132, 214, 7, 11
TEXT_X, LINE = 372, 69  # where the words begin; letters to a line
SMALL, LARGE = 10.0, 12.5


def picture() -> str:
    """The page as SVG."""
    drawn = Sheet(WIDTH, HEIGHT, "What the lights of porchlight say")
    drawn.text(EDGE, 52, "What the lights say", 26, bold=True)
    intro = "Count the short flashes between two pauses. The order of the lights is green, amber, red."
    drawn.text(EDGE, 76, intro, 11.5, fill=FAINT)
    rows = _rows()
    high = (HEIGHT - TOP - BOTTOM) / len(rows)
    for number, (name, looks, means, todo) in enumerate(rows):
        top = TOP + number * high
        if number % 2 == 0:
            drawn.rect(EDGE - 14, top, WIDTH - 2 * EDGE + 28, high, "#f6f7f9", r=6)
        _row(drawn, top, high, (name, looks, means, todo))
    for tick in range(SECONDS + 1):
        x = STRIP_X + STRIP * tick / SECONDS
        drawn.text(x, HEIGHT - BOTTOM + 15, f"{tick} s", 9, fill=FAINT, anchor="middle")
    drawn.text(EDGE, HEIGHT - 18, "Also on the setup page: http://porchlight.local/", 11.5)
    return drawn.svg()


def _rows() -> list[tuple[str, str, str, str]]:
    """State, what one sees, what it means, what to do: the rows of the table in docs/lights.md."""
    lines = tables()["states"].splitlines()[2:]
    found = []
    for line in lines:
        name, looks, means, todo = (cell.strip().strip("`") for cell in line.strip("|").split(" | "))
        found.append((name, looks, means, todo))
    return found


def _row(drawn: Sheet, top: float, high: float, words: tuple[str, str, str, str]) -> None:
    name, looks, means, todo = words
    middle = top + high / 2
    steps = PATTERNS[State(name)].steps if name in set(State) else ()
    for light in range(3):
        lit = any(step.frame[light] for step in steps)
        drawn.circle(EDGE + 14 + 26 * light, middle, 9.5, HUES[light] if lit else "#ffffff", edge="#9aa3ae", line=1.2)
        _lane(drawn, light, middle - 1.5 * LANE + light * LANE, [(step.frame, step.lasts) for step in steps])
    title = means.partition(". ")[0]
    if not steps:  # no state of the relay: what one sees is all that there is to say
        title, looks = looks, means
    parts = [*textwrap.wrap(looks, LINE)[:2], *textwrap.wrap(todo, LINE)]
    # As many lines as the row has room for; the setup page has the rest.
    room = int((high - 16) / (SMALL + 2.2))
    if len(parts) > room:
        parts = [*parts[: room - 1], textwrap.shorten(" ".join(parts[room - 1 :]), LINE, placeholder=" …")]
    y = middle - (len(parts) * (SMALL + 2.2) - LARGE + 3) / 2
    drawn.text(TEXT_X, y, title.rstrip("."), LARGE, bold=True)
    for number, line in enumerate(parts):
        y += SMALL + 2.2 + (2 if number == 0 else 0)
        drawn.text(TEXT_X, y, line, SMALL, fill=FAINT if number < len(textwrap.wrap(looks, LINE)) else INK)


def _lane(drawn: Sheet, light: int, top: float, steps: list[tuple[Frame, int]]) -> None:
    """When one light is lit in the first seconds of a pattern."""
    drawn.rect(STRIP_X, top + LANE / 2 - 0.6, STRIP, 1.2, DARK)
    now, end, lit_since = 0, SECONDS * 1000, -1
    for frame, lasts in itertools.cycle(steps):
        if frame[light] and lit_since < 0:
            lit_since = now
        if lit_since >= 0 and (not frame[light] or now >= end):
            x, width = STRIP_X + STRIP * lit_since / end, STRIP * (min(now, end) - lit_since) / end
            drawn.rect(x, top + 1.5, width, LANE - 3, HUES[light], r=1.5)
            lit_since = -1
        if now >= end:
            break
        now += lasts
