"""QR codes, made here (segno): no picture comes from elsewhere, and no address goes there."""

import segno
from markupsafe import Markup


def qr(content: str) -> Markup:
    """A QR code as an SVG to stand in a page; its caption belongs beside it.

    Args:
        content: what a phone reads. Correction level M: a photo of a screen is never perfect.
    """
    made = segno.make_qr(content, error="m", boost_error=False)
    # Black on white in any colour scheme: some phones cannot read the reverse. Four modules of quiet zone (ISO 18004).
    drawn = made.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    # A drawing without a text beside it is nothing for a screen reader.
    return Markup(drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704 - made here
