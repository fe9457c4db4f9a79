"""Which part of a page is asked for (RFC 9110 section 14), as nginx reads it. No input or output.

Read off nginx 1.26, ``ngx_http_range_parse``.
"""

import re

UNIT = b"bytes="
# No part has spaces around it then, and each place can be matched in one way only: a long line costs no time.
PART = re.compile(rb"(\d+) *-(?: *(\d+))?|-(\d+)")
# The largest that nginx reads.
LARGEST = 2**63 - 1

Span = tuple[int, int]


def spans(field: bytes, size: int) -> list[Span] | None:
    """The parts, each from a byte on until before another; None when all of it is due, empty when there are none.

    Args:
        field: the request's Range.
        size: of the page, in bytes.
    """
    if field[: len(UNIT)].lower() != UNIT or len(field) == len(UNIT):
        return None
    found: list[Span] = []
    for part in field[len(UNIT) :].split(b","):
        asked = PART.fullmatch(part.strip(b" "))
        numbers = [None if one is None else _number(one) for one in asked.groups()] if asked else [LARGEST + 1]
        if any(one is not None and one > LARGEST for one in numbers):
            return []
        first, last, from_end = numbers
        if from_end is not None:
            start, end = max(0, size - from_end), size
        else:
            start, end = first or 0, size if last is None else min(last + 1, size)
        if start < end:
            found.append((start, end))
        elif start == 0:
            return None
    return None if sum(end - start for start, end in found) > size else found


def _number(digits: bytes) -> int:
    """As far as it can count: Python refuses to read thousands of digits."""
    bare = digits.lstrip(b"0")
    return int(bare or b"0") if len(bare) <= len(str(LARGEST)) else LARGEST + 1
