"""Whether a browser has a page already, or wants it only as it was (RFC 9110 section 13), as nginx 1.26 decides it.

Read off ``ngx_http_not_modified_header_filter`` and ``ngx_parse_http_time``. No input or output.
"""

import calendar
import re
from collections.abc import Mapping

MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
# The three forms of a date (RFC 9110 section 5.6.7). nginx reads a day's name without looking at it.
DATES = (
    re.compile(rb"[^, ]*, *(\d\d)[ -](\w{3})[ -](\d{4}) (\d\d):(\d\d):(\d\d).*"),
    re.compile(rb"[^, ]*, *(\d\d)[ -](\w{3})[ -](\d\d) (\d\d):(\d\d):(\d\d).*"),
    re.compile(rb"[^, ]* +(\w{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4}).*"),
)
# Two digits of a year before this belong to our century.
CENTURY = 70


def failed_or_same(headers: Mapping[bytes, bytes], modified: int, etag: bytes) -> int:
    """The status that a request's conditions make of a page.

    Args:
        headers: the request's, names in lower case.
        modified: when the page was changed, in seconds since 1970.
        etag: of the page, with its quotation marks.

    Returns:
        412, 304, or 200.
    """
    unmodified, match = headers.get(b"if-unmodified-since"), headers.get(b"if-match")
    if unmodified is not None and (seconds(unmodified) or -1) < modified:
        return 412
    if match is not None and not _names(match, etag, weak=False):
        return 412
    since, other = headers.get(b"if-modified-since"), headers.get(b"if-none-match")
    if since is None and other is None:
        return 200
    if since is not None and seconds(since) != modified:
        return 200
    return 304 if other is None or _names(other, etag, weak=True) else 200


def seconds(text: bytes) -> int | None:
    """A date of HTTP, in seconds since 1970; None when it is none.

    Args:
        text: as it came.
    """
    for form, pattern in enumerate(DATES):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        day, month, year, hour, minute, second = found.groups()
        if form == len(DATES) - 1:
            month, day, hour, minute, second, year = found.groups()
        if month not in MONTHS:
            return None
        whole = int(year)
        if len(year) < 4:
            whole += 2000 if whole < CENTURY else 1900
        numbers = (whole, MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
        _, number, of_month, hours, minutes, left = numbers
        if hours > 23 or minutes > 59 or left > 59 or whole < 1970:
            return None
        if not 1 <= of_month <= calendar.monthrange(whole, number)[1]:
            return None
        return calendar.timegm(numbers)
    return None


def _names(tags: bytes, etag: bytes, *, weak: bool) -> bool:
    """Whether a list of tags names the page's."""
    if tags == b"*":
        return True
    found = [one.strip(b" \t") for one in tags.split(b",")]
    return etag in [one.removeprefix(b"W/") for one in found] if weak else etag in found
