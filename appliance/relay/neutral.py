"""The neutral page: dull, and each card's own, since one search for a common one would list every relay there is.

Databases of Internet scans find pages by a hash of the body, by ETag and by date. So wording, markup, looks and date
are drawn by something that each card has for itself. There are far too many of them to search for each. It must be
something secret: from the certificate, which everybody sees, a prober could work out the page and compare. No input or
output.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import TypeVar

from appliance.relay.site import Page, Site

# It tells nobody anything about the key: a keyed hash can be followed backwards as little as the key be guessed.
LABEL = b"the neutral page"
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END ")
# A page that somebody put there some day, in seconds since 1970: in the two years before this code's.
OLDEST, YOUNGEST = 1704067200, 1767225600

# Each of them stands on countless pages.
TITLES = (
    *("Welcome", "Home", "Hello", "Start", "Coming soon", "Under construction", "Home page", "My site", "Main page"),
    *("New site", "Index", "Test page", "Work in progress", "Just a page", "Soon", "Our website"),
)
SENTENCES = (
    *("This site is being set up.", "There is nothing here yet.", "This page is still empty.", "Nothing here so far."),
    *("We are working on it.", "This site is under construction.", "The content will follow.", "More to come."),
    *("This is a test.", "Here will be a website.", "This page is not finished yet.", "Still to be done."),
)
SECOND_SENTENCES = (
    *("", "", "Please come back later.", "Come back soon.", "Thank you for your patience.", "Please try again later."),
    *("Thanks for visiting.", "See you soon.", "It will take a while.", "Have a nice day."),
)
DOCTYPES = ("<!doctype html>", "<!DOCTYPE html>", "<!DOCTYPE HTML>")
ROOTS = ("<html>", '<html lang="en">', '<html lang="en-US">', '<html lang="en-GB">')
CHARSETS = (
    *('<meta charset="utf-8">', '<meta charset="UTF-8">', '<meta charset="utf-8" />'),
    '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">',
)
VIEWPORTS = (
    "",
    '<meta name="viewport" content="width=device-width">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="viewport" content="width=device-width, initial-scale=1.0">',
)
FONTS = ("sans-serif", "serif", "Arial, sans-serif", "Georgia, serif", "Verdana, sans-serif", "system-ui, sans-serif")
WRAPPERS = ("", "div", "main", "center")
INDENTS = ("", "  ", "    ", "\t")

One = TypeVar("One")


class _Draws:
    """What is drawn for one card, always the same: Python's own ``random`` may change from a release to the next."""

    def __init__(self, seed: bytes) -> None:
        self._left = int.from_bytes(hashlib.shake_256(seed).digest(64))

    def below(self, limit: int) -> int:
        """A number from 0 on."""
        self._left, found = divmod(self._left, limit)
        return found

    def one(self, of: Sequence[One]) -> One:
        """One of several."""
        return of[self.below(len(of))]


def seed_of(pem: str) -> bytes | None:
    """What a card has for itself: a keyed hash by the key of its own certificate. None when there is no key.

    Args:
        pem: what a file with key and certificates holds.
    """
    found = PRIVATE_KEY.search(pem)
    return hmac.digest("".join(found[1].split()).encode("ascii"), LABEL, "sha256") if found else None


def site(seed: bytes) -> Site:
    """The neutral page of one card.

    Args:
        seed: what no other card has, and nobody outside knows.
    """
    draws = _Draws(seed)
    modified = OLDEST + draws.below(YOUNGEST - OLDEST)
    return Site({b"/index.html": Page(_body(draws), "text/html", modified)}, frozenset({b"/"}))


def _body(draws: _Draws) -> bytes:
    title = draws.one(TITLES)
    heading = draws.one((title, draws.one(TITLES)))
    said = " ".join(filter(None, (draws.one(SENTENCES), draws.one(SECOND_SENTENCES))))
    indent = draws.one(INDENTS)
    head = [draws.one(CHARSETS), draws.one(VIEWPORTS), f"<title>{title}</title>", *_style(draws, indent)]
    body = [f"<h1>{heading}</h1>", f"<p>{said}</p>"]
    if wrapper := draws.one(WRAPPERS):
        body = [f"<{wrapper}>", *(indent + line for line in body), f"</{wrapper}>"]
    lines = [
        draws.one(DOCTYPES),
        draws.one(ROOTS),
        "<head>",
        *(indent + line for line in head if line),
        "</head>",
        "<body>",
        *(indent + line for line in body),
        "</body>",
        "</html>",
    ]
    return ("\n".join(lines) + draws.one(("", "\n"))).encode("ascii")


def _style(draws: _Draws, indent: str) -> list[str]:
    """How it looks: dark on light, each a little different. Most of the number of pages comes from here."""
    dark = f"#{draws.below(80):02x}{draws.below(80):02x}{draws.below(80):02x}"
    light = f"#{240 + draws.below(16):02x}{240 + draws.below(16):02x}{240 + draws.below(16):02x}"
    rules = [
        f"font-family: {draws.one(FONTS)};",
        f"color: {dark};",
        f"background: {light};",
        f"margin: {10 + draws.below(90)}px {draws.one(('auto', '5%', '10%', '40px'))};",
        f"max-width: {500 + draws.below(400)}px;",
        f"line-height: 1.{3 + draws.below(5)};",
        f"font-size: {15 + draws.below(6)}px;",
        f"text-align: {draws.one(('center', 'left'))};",
        f"padding: {draws.below(40)}px;",
    ]
    # Some of them, in any order: there is no line that stands on each card's page.
    rules = [rules.pop(draws.below(len(rules))) for _ in range(3 + draws.below(5))]
    if draws.below(2):
        return [f"<style>body {{ {' '.join(rules)} }}</style>"]
    return ["<style>", *(indent + line for line in ("body {", *(indent + rule for rule in rules), "}")), "</style>"]
