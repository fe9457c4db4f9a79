"""A small bar chart as inline SVG: numbers in, text out.

Colours come from the page's stylesheet by the classes ``chart``, ``chart-bar``, ``chart-gap``, ``chart-line`` and
``chart-label``; without it everything is drawn in the colour of the text, so that it can be seen on light and dark.
Time runs from left to right in every language, as on a clock's display: the picture sets its own direction, and only
its labels are in the reader's. No styles stand in it, so that a strict Content-Security-Policy lets it pass.
"""

from collections.abc import Sequence
from html import escape

# In units of the picture, which is stretched to the width of the page.
WIDTH, HEIGHT = 480, 120
LABELS, GAP_HEIGHT = 18, 2
# The part of a bar's place that stays empty.
BETWEEN = 0.2


def chart(
    values: Sequence[int | None], *, name: str, title: str, description: str, first: str, last: str, top: str
) -> str:
    """Draw bars.

    Args:
        values: the oldest first, not negative; None where nothing is known.
        name: letters, digits and dashes, unlike that of any other chart on the page.
        title: what is shown, for who hears the page.
        description: the same in a sentence with its numbers.
        first: label of the left end.
        last: label of the right end.
        top: label of the highest bar; nothing is written where no bar is.

    Returns:
        An ``<svg>`` element. All texts are escaped.
    """
    highest = max((one for one in values if one is not None), default=0)
    wide = WIDTH / max(1, len(values))
    floor, room = HEIGHT - LABELS, HEIGHT - 2 * LABELS
    drawn = []
    for number, value in enumerate(values):
        left, breadth = number * wide + wide * BETWEEN / 2, wide * (1 - BETWEEN)
        if value is None:
            drawn.append(_bar("chart-gap", left, floor - GAP_HEIGHT, breadth, GAP_HEIGHT))
        elif value:
            tall = max(1.0, room * value / highest)
            drawn.append(_bar("chart-bar", left, floor - tall, breadth, tall))
    labels = [_label(0, HEIGHT - 4, "start", first), _label(WIDTH, HEIGHT - 4, "end", last)]
    if highest:
        labels.append(_label(0, LABELS - 5, "start", top))
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" direction="ltr" fill="currentColor"'
        f' aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-description">{escape(description)}</desc>'
        f"{''.join(drawn)}"
        f'<path class="chart-line" d="M0 {floor}H{WIDTH}" fill="none" stroke="currentColor"/>'
        f"{''.join(labels)}</svg>"
    )


def _bar(kind: str, left: float, top: float, breadth: float, tall: float) -> str:
    faint = ' opacity="0.3"' if kind == "chart-gap" else ""
    return f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{breadth:.1f}" height="{tall:.1f}"{faint}/>'


def _label(x: int, y: int, anchor: str, text: str) -> str:
    # "start" is the left for every language, and the words within the label run as their own letters say. Who hears
    # the page has the description instead.
    return (
        f'<text class="chart-label" x="{x}" y="{y}" text-anchor="{anchor}" font-size="12" aria-hidden="true"'
        f' direction="ltr" unicode-bidi="plaintext">{escape(text)}</text>'
    )
