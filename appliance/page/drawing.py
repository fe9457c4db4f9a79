"""The lights as the page draws them: a style sheet made from the very table that the pins follow."""

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from appliance.lights.language import PATTERNS, Pattern
from appliance.status.state import State

pages = Blueprint("drawing", __name__)


@pages.get("/lights.css")
def stylesheet() -> ResponseReturnValue:
    """One animation for each state and light."""
    return Response("".join(rules(state, pattern) for state, pattern in PATTERNS.items()), mimetype="text/css")


def rules(state: State, pattern: Pattern) -> str:
    """The rules that make ``.lights.STATE .COLOUR`` behave like the light. No input or output here."""
    return "".join(_rules(state, pattern, colour) for colour in ("green", "amber", "red"))


def _rules(state: State, pattern: Pattern, colour: str) -> str:
    lit = [bool(getattr(step.frame, colour)) for step in pattern.steps]
    selector = f".lights.{state} .{colour}"
    still = f"{selector} {{ opacity: {int(any(lit))}; }}\n"
    if len(set(lit)) == 1:
        return still
    frames, position = [], 0
    for step, on in zip(pattern.steps, lit, strict=True):
        frames.append(f"{100 * position / pattern.period:.3f}% {{ opacity: {int(on)}; }}")
        position += step.lasts
    frames.append(f"100% {{ opacity: {int(lit[0])}; }}")
    name = f"{state}-{colour}"
    # For whoever asked the browser for less motion, the light that flashes is shown lit.
    return (
        f"{still}@keyframes {name} {{ {' '.join(frames)} }}\n"
        f"@media (prefers-reduced-motion: no-preference) {{ "
        f"{selector} {{ animation: {name} {pattern.period}ms step-end infinite; }} }}\n"
    )
