"""A QR code as text for a screen: half blocks, which every console font has, so that a module is a square."""

from functools import lru_cache

import segno

# Modules of quiet zone around the code (ISO/IEC 18004).
BORDER = 4
# What stands for the upper and the lower half of one place, where True is light. Light is what the console draws, dark
# is its black ground: a phone wants dark modules on light ground.
HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


# The screen's text is put together every two seconds; making the code was three quarters of what that cost.
@lru_cache(maxsize=1)
def blocks(content: str) -> tuple[str, ...]:
    """The lines of the code, all equally long; the address of a setup page gives 17 lines of 33 places.

    Args:
        content: what a phone reads.
    """
    # Correction level L at least: a screen has no dirt, and a smaller code has larger modules on it.
    made = segno.make_qr(content, error="l")
    light = [[not dark for dark in row] for row in made.matrix_iter(border=BORDER)]
    if len(light) % 2:
        light.append([False] * len(light[0]))
    pairs = zip(light[::2], light[1::2], strict=True)
    return tuple("".join(HALVES[one] for one in zip(*pair, strict=True)) for pair in pairs)
