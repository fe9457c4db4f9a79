"""What somebody sees who plugs a screen or a serial cable into the card: state, claim code, addresses, QR code.

The page's process keeps this text in a file that only its own user can read; on the card `porchlight-console.path`
waits for a change and has the file drawn on the kernel's consoles. It never goes to the journal: the code must not end
up in a log.
"""

import logging
import textwrap
from collections.abc import Iterable
from itertools import zip_longest

from appliance.claim import code_to_show
from appliance.files import write_atomically
from appliance.lights.language import WORDS
from appliance.paths import Paths
from appliance.status.blocks import blocks
from appliance.status.gather import Situation, Watch
from appliance.status.state import State

log = logging.getLogger(__name__)

# The smallest console, 80 by 25, less the last column and line: a line that fills its row, and the newline after the
# last one, would make it scroll.
COLUMNS, ROWS = 79, 24
# Columns between the text and the QR code.
GUTTER = 2
# A device has one for its cable, one for Wi-Fi.
MOST_ADDRESSES = 2


def screen(now: Situation, code: str, problems: tuple[str, ...] = ()) -> str:
    """The text for the screen. No input or output here.

    Args:
        now: the verdict and what it rests on.
        code: the claim code, empty when there is none to show.
        problems: what is wrong, one sentence each.
    """
    words = WORDS[now.state]
    if now.state in (State.RELAYING, State.RELAYING_IN_USE):
        # Not each person who comes and goes: whoever stands before the screen need not know, and drawing costs.
        words = WORDS[State.RELAYING]
    port = now.loaded.settings.page.port
    numeric = [f"http://{one}:{port}/" for one in now.home.typed]
    code_drawn = blocks(numeric[0]) if numeric else ()
    if code_drawn and len(f"Claim code: {code}") > COLUMNS - len(code_drawn[0]) - GUTTER:
        # An owner's own code may be longer than what is left beside the QR code, which a wrapped line would spoil.
        code_drawn = ()
    width = COLUMNS - len(code_drawn[0]) - GUTTER if code_drawn else COLUMNS
    lines = ["porchlight", "", *_wrapped((f"{words.title}.", words.means, words.todo), width)]
    if code:
        lines += ["", f"Claim code: {code}"]
        lines += _wrapped(("The setup page asks for this code once. Show it to nobody.",), width)
    if numeric:
        lines += ["", *_wrapped(("Setup page, from a phone or computer in this home:",), width)]
        lines += ["  http://porchlight.local/", *(f"  {one}" for one in numeric[:MOST_ADDRESSES])]
    elif any(one.version == 4 for one in now.home.addresses):
        said = "The setup page is shut at this card's public address, by which anybody could come."
        lines += ["", *_wrapped((said, "Settings stand in porchlight.toml on the card."), width)]
    else:
        lines += ["", "The setup page has no address yet: plug in the network cable."]
    for problem in problems:
        more = textwrap.wrap(problem, width, initial_indent="* ", subsequent_indent="  ")
        if len(lines) + 1 + len(more) > ROWS:
            # Not half a sentence; the setup page has them all.
            break
        lines += [*([""] if problem is problems[0] else []), *more]
    drawn = zip_longest(lines, code_drawn, fillvalue="")
    return "".join(f"{text:{width + GUTTER}}{part}".rstrip() + "\n" for text, part in drawn)


def _wrapped(sentences: Iterable[str], width: int) -> list[str]:
    return [line for sentence in sentences for line in textwrap.wrap(sentence, width)]


class Screen:
    """The file with the text for the screen, written anew only when something has changed.

    Args:
        paths: where this instance keeps its files.
        watch: how porchlight is doing.
    """

    def __init__(self, paths: Paths, watch: Watch) -> None:
        self._paths = paths
        self._watch = watch
        self._shown = ""
        self._complained = False

    def follow(self) -> None:
        """Look once. A file that cannot be written is said once in the log; the page goes on without it."""
        now = self._watch.situation()
        problems = tuple(problem.what for problem in now.problems)
        text = screen(now, code_to_show(self._paths), problems)
        if text == self._shown:
            return
        try:
            self._paths.screen.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._paths.screen, text.encode(), mode=0o600, durable=False)
        except OSError as error:
            if not self._complained:
                log.error("The text for the screen cannot be written (%s); an old one may stand there.", error)
            self._complained = True
            return
        self._shown, self._complained = text, False
