"""A bundle on its way to the data partition: an open file for which there is room, written piece by piece.

It has no name until it is whole, so that neither a power cut nor the end of its writer leaves anything of it.
"""

import os

from appliance.errors import UpdateError
from appliance.text import text
from appliance.update.bundle import NOT_INSTALLED, not_written

# Bytes of the data partition that stay free for settings and all else.
SPARE = 16 * 1024 * 1024


def check_room(target: int, size: int, beside: int = 0) -> None:
    """Make sure that a bundle fits, and that something is left.

    Args:
        target: a descriptor of the open file.
        size: bytes of the bundle.
        beside: bytes that have to fit beside it, and ``SPARE``.

    Raises:
        UpdateError: it does not.
    """
    card = os.fstatvfs(target)
    if card.f_bavail * card.f_frsize < size + beside + SPARE:
        raise no_room()


def write(target: int, piece: bytes) -> None:
    """Write one piece behind the last one.

    Raises:
        UpdateError: the card cannot be written.
    """
    view = memoryview(piece)
    try:
        while view:
            view = view[os.write(target, view) :]
    except OSError as error:
        raise failed(error) from error


def no_room() -> UpdateError:
    """The bundle does not fit on the data partition."""
    return UpdateError(text("The memory card has no room left."), NOT_INSTALLED)


def failed(error: OSError) -> UpdateError:
    """The data partition does not take the bundle."""
    return UpdateError(not_written(error).what, NOT_INSTALLED)
