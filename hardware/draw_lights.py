"""Draws the language of the lights: docs/pictures/lights.svg and .png, and the tables in docs/lights.md.

    python3 -m hardware.draw_lights           writes them anew; the PNG needs chromium
    python3 -m hardware.draw_lights --check   says what is out of date, and ends with status 1 if anything is

Everything comes from appliance/lights/language.py and hardware/pins.toml.
"""

import hashlib
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from html import escape
from pathlib import Path

from appliance.lights.language import PATTERNS, WORDS
from appliance.lights.one_lamp import ONE_LAMP
from appliance.lights.pins import Pin, load_pins
from appliance.status.state import State
from hardware.parts import load_parts

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "lights.md"
PICTURE = ROOT / "docs" / "pictures" / "lights.svg"
RENDERED = PICTURE.with_suffix(".png")

NAMES = ("green", "amber", "red")
COLOURS = ("#3ddc6f", "#ffb020", "#ff5347")
BACKGROUND, PANEL, UNLIT, TEXT, FAINT = "#14181f", "#1c222c", "#2d3542", "#eef2f7", "#9aa7b8"

# Pixels, and seconds of the strip that shows what happens when.
WIDTH, TOP, ROW = 1000, 56, 74
HEIGHT = TOP + len(State) * ROW + 46
LIGHTS_X, LIGHT, WORDS_X = 40, 11, 142
STRIP_X, STRIP, SECONDS, LANE = 590, 372, 7, 14

# Volts, volts of the amber light, ohms: hardware/parts.toml has the data and says where the limits come from.
SUPPLY, FORWARD, RESISTOR = load_parts().supply, load_parts().leds[1].volts[1], load_parts().ohms


def picture() -> str:
    """The whole drawing as SVG; the lights blink in it, unless the viewer asked for less motion."""
    rows = [_row(state, TOP + number * ROW) for number, state in enumerate(State)]
    motion = "\n".join(_keyframes(state) for state in State)
    ticks = "".join(
        f'<text class="faint" x="{STRIP_X + STRIP * tick / SECONDS:g}" y="{HEIGHT - 22}" text-anchor="middle">'
        f"{tick} s</text>"
        for tick in range(SECONDS + 1)
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" \
aria-labelledby="title">
<title id="title">What the three lights show in each state of porchlight</title>
<style>
text {{ font-family: "DejaVu Sans", Verdana, sans-serif; fill: {TEXT}; font-size: 13px; }}
.name {{ font-size: 16px; font-weight: bold; }}
.faint {{ fill: {FAINT}; font-size: 12px; }}
@media (prefers-reduced-motion: no-preference) {{
{motion}
}}
</style>
<rect width="{WIDTH}" height="{HEIGHT}" rx="14" fill="{BACKGROUND}"/>
<text class="faint" x="{LIGHTS_X - 12}" y="34">the lights</text>
<text class="faint" x="{WORDS_X}" y="34">what it means, and what you see</text>
<text class="faint" x="{STRIP_X}" y="34">what happens when: a bar is a light that is on</text>
{"".join(rows)}{ticks}
</svg>
"""


def _row(state: State, top: int) -> str:
    pattern, words = PATTERNS[state], WORDS[state]
    middle = top + ROW / 2 - 3
    lights = "".join(
        f'<circle cx="{LIGHTS_X + 30 * number}" cy="{middle:g}" r="{LIGHT}" fill="{UNLIT}"/>'
        f'<circle class="{state}-{NAMES[number]}" cx="{LIGHTS_X + 30 * number}" cy="{middle:g}" r="{LIGHT}" '
        f'fill="{COLOURS[number]}" opacity="{int(any(step.frame[number] for step in pattern.steps))}"/>'
        for number in range(3)
    )
    return (
        f'<rect x="14" y="{top}" width="{WIDTH - 28}" height="{ROW - 8}" rx="8" fill="{PANEL}"/>\n{lights}\n'
        f'<text class="name" x="{WORDS_X}" y="{middle - 3:g}">{escape(words.title)}</text>'
        f'<text class="faint" x="{WORDS_X}" y="{middle + 17:g}">{escape(pattern.looks)}</text>\n'
        + "".join(_lane(state, number, middle - 1.5 * LANE + number * LANE) for number in range(3))
        + "\n"
    )


def _lane(state: State, number: int, top: float) -> str:
    """One light's bars over time."""
    bars = [f'<rect x="{STRIP_X}" y="{top + LANE / 2 - 1:g}" width="{STRIP}" height="2" fill="{UNLIT}"/>']
    now, steps, end = 0, PATTERNS[state].steps, SECONDS * 1000
    lit_since: int | None = None
    turn = 0
    while True:
        step = steps[turn % len(steps)]
        if step.frame[number] and lit_since is None:
            lit_since = now
        if lit_since is not None and (not step.frame[number] or now >= end):
            x, width = STRIP_X + STRIP * lit_since / end, STRIP * (min(now, end) - lit_since) / end
            bars.append(
                f'<rect x="{x:g}" y="{top + 2:g}" width="{width:g}" height="{LANE - 4}" rx="3" '
                f'fill="{COLOURS[number]}"/>'
            )
            lit_since = None
        if now >= end:
            return "".join(bars)
        now += step.lasts
        turn += 1


def _keyframes(state: State) -> str:
    """The pattern of one state as CSS animations, one for each light that changes."""
    pattern = PATTERNS[state]
    rules = []
    for number, name in enumerate(NAMES):
        levels = {step.frame[number] for step in pattern.steps}
        if len(levels) < 2:
            continue
        marks, now = [], 0
        for step in pattern.steps:
            marks.append(f"{100 * now / pattern.period:.3f}% {{ opacity: {int(step.frame[number])} }}")
            now += step.lasts
        rules.append(
            f"@keyframes {state}-{name} {{ {' '.join(marks)} }}\n"
            f".{state}-{name} {{ animation: {state}-{name} {pattern.period / 1000:g}s step-end infinite }}"
        )
    return "\n".join(rules)


def tables() -> dict[str, str]:
    """The parts of docs/lights.md that are written by this program, by name."""
    return {"states": _states(), "board": _board(), "pins": _pins(), "resistor": _resistor()}


def _states() -> str:
    lines = ["| state | what you see | what it means | what to do |", "|---|---|---|---|"]
    for state in State:
        words = WORDS[state]
        means = f"{words.title}. {words.means}"
        lines.append(f"| `{state}` | {PATTERNS[state].looks}. | {means} | {words.todo} |")
    lines.append(
        "| none of them | All lights are dark. | There is no power, the lights are turned off in the settings, or the "
        "program that drives them has ended. | Check the plug. Then open the setup page: it says what is wrong. |"
    )
    return "\n".join(lines)


def _board() -> str:
    lines = ["| what you see | state | what it means |", "|---|---|---|"]
    lines += [f"| {ONE_LAMP[state].looks}. | `{state}` | {WORDS[state].title}. |" for state in State]
    return "\n".join(lines)


def _pins() -> str:
    pins = load_pins()
    rows: list[tuple[str, Pin]] = [("green", pins.green), ("amber", pins.amber), ("red", pins.red)]
    lines = ["| light | GPIO number | pin on the 40-pin header | through |", "|---|---|---|---|"]
    lines += [f"| {name} | GPIO {pin.gpio} | {pin.header} | {RESISTOR} Ω |" for name, pin in rows]
    lines.append(f"| ground, all three | | {pins.ground} | |")
    lines.append(f"| a button, if you want one | GPIO {pins.button.gpio} | {pins.button.header} | nothing |")
    lines.append(f"| ground of the button | | {pins.button_ground} | |")
    return "\n".join(lines)


def _resistor() -> str:
    usual, worst = (SUPPLY - FORWARD) / RESISTOR * 1000, SUPPLY / RESISTOR * 1000
    return (
        f"({SUPPLY} V - {FORWARD} V) / {RESISTOR} Ω = **{usual:.1f} mA** for each light, "
        f"{3 * usual:.0f} mA for all three together; with an LED that is a dead short, "
        f"{SUPPLY} V / {RESISTOR} Ω = {worst:.0f} mA."
    )


def with_tables(document: str) -> str:
    """The document with its generated parts anew."""
    for name, text in tables().items():
        begin, end = f"<!-- {name}: written by hardware/draw_lights.py -->\n", f"\n<!-- {name}: end -->"
        before, _begin, rest = document.partition(begin)
        _former, _end, after = rest.partition(end.lstrip())
        document = before + begin + text + end + after
    return document


def _render(svg: str) -> bytes:
    """The picture as PNG, twice as large, marked with the SVG that it shows."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise SystemExit("The PNG needs chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "lights.html", Path(folder) / "lights.png"
        source.write_text(f"<!doctype html><style>body{{margin:0;overflow:hidden}}svg{{display:block}}</style>{svg}")
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--force-prefers-reduced-motion",
                "--default-background-color=00000000",
                "--force-device-scale-factor=2",
                f"--window-size={WIDTH},{HEIGHT}",
                f"--screenshot={target}",
                source.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        png = target.read_bytes()
    mark = b"tEXt" + b"Source\0" + fingerprint(svg).encode()
    chunk = struct.pack(">I", len(mark) - 4) + mark + struct.pack(">I", zlib.crc32(mark))
    # After the signature (8 bytes) and the header chunk (25 bytes): PNG specification, 5.6.
    return png[:33] + chunk + png[33:]


def fingerprint(svg: str) -> str:
    """What the PNG carries, so that a test can tell which SVG it was made from."""
    return "sha256:" + hashlib.sha256(svg.encode()).hexdigest()


def out_of_date() -> list[str]:
    """The files that this program would change."""
    svg, document = picture(), DOCUMENT.read_text()
    stale = []
    if not PICTURE.exists() or PICTURE.read_text() != svg:
        stale.append(PICTURE)
    if not RENDERED.exists() or fingerprint(svg).encode() not in RENDERED.read_bytes():
        stale.append(RENDERED)
    if with_tables(document) != document:
        stale.append(DOCUMENT)
    return [str(path.relative_to(ROOT)) for path in stale]


def main() -> int:
    """Write, or check."""
    stale = out_of_date()
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"{name} is out of date: python3 -m hardware.draw_lights")
        return 1 if stale else 0
    svg = picture()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(svg)
    RENDERED.write_bytes(_render(svg))
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
