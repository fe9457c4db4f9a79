"""A sheet of SVG: shapes with the coordinates that they are given, and text in one face."""

from collections.abc import Sequence
from html import escape

INK, FAINT, PAPER, PANEL = "#20242b", "#667080", "#ffffff", "#f3f5f8"
FACE = "DejaVu Sans, Verdana, sans-serif"

Point = tuple[float, float]


class Sheet:
    """Collects shapes; lengths are pixels, y grows downwards."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self._shapes: list[str] = []

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        *,
        r: float = 0,
        edge: str = "none",
        line: float = 1,
    ) -> None:
        """A rectangle, its corners rounded with radius r."""
        self._shapes.append(
            f'<rect x="{x:.4g}" y="{y:.4g}" width="{width:.4g}" height="{height:.4g}" rx="{r:.4g}" fill="{fill}" '
            f'stroke="{edge}" stroke-width="{line:.4g}"/>'
        )

    def circle(self, x: float, y: float, r: float, fill: str, *, edge: str = "none", line: float = 1) -> None:
        """A disc."""
        self._shapes.append(
            f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{r:.4g}" fill="{fill}" stroke="{edge}" stroke-width="{line:.4g}"/>'
        )

    def path(self, d: str, *, fill: str = "none", edge: str = INK, line: float = 2, opacity: float = 1) -> None:
        """Any outline, in SVG's own words."""
        self._shapes.append(
            f'<path d="{d}" fill="{fill}" stroke="{edge}" stroke-width="{line:.4g}" stroke-linecap="round" '
            f'stroke-linejoin="round" opacity="{opacity:.4g}"/>'
        )

    def line(self, points: Sequence[Point], colour: str, width: float, *, round_by: float = 0) -> None:
        """A line through points, its corners rounded."""
        parts = [f"M{points[0][0]:.4g} {points[0][1]:.4g}"]
        for before, corner, after in zip(points, points[1:], points[2:], strict=False):
            into, out = _towards(corner, before, round_by), _towards(corner, after, round_by)
            parts.append(f"L{into[0]:.4g} {into[1]:.4g}Q{corner[0]:.4g} {corner[1]:.4g} {out[0]:.4g} {out[1]:.4g}")
        parts.append(f"L{points[-1][0]:.4g} {points[-1][1]:.4g}")
        self.path("".join(parts), edge=colour, line=width)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 14,
        *,
        fill: str = INK,
        bold: bool = False,
        anchor: str = "start",
    ) -> None:
        """One line of text on its base line."""
        weight = ' font-weight="bold"' if bold else ""
        self._shapes.append(
            f'<text x="{x:.4g}" y="{y:.4g}" font-size="{size:.4g}" fill="{fill}" text-anchor="{anchor}"{weight}>'
            f"{escape(words)}</text>"
        )

    def svg(self) -> str:
        """All of it."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{self.width:g}" height="{self.height:g}" role="img" aria-labelledby="title" '
            f'font-family="{FACE}">\n<title id="title">{escape(self.title)}</title>\n'
            f'<rect width="{self.width:g}" height="{self.height:g}" fill="{PAPER}"/>\n'
            + "\n".join(self._shapes)
            + "\n</svg>\n"
        )


def _towards(start: Point, end: Point, distance: float) -> Point:
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    share = min(distance, length / 2) / length if length else 0
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
