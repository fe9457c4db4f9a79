"""What somebody sees who plugs a screen or a serial cable into the card: addresses, state in words, claim code.

The page's process keeps this text in a file that only its own user can read; on the card `porchlight-console.path`
waits for a change and has the file drawn on the kernel's consoles. It never goes to the journal: the code must not end
up in a log.
"""

import logging

from appliance.claim import code_to_show
from appliance.files import write_atomically
from appliance.lights.language import WORDS
from appliance.paths import Paths
from appliance.status.gather import Situation, Watch
from appliance.status.state import State

log = logging.getLogger(__name__)


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
    numeric = [f"    http://{one}:{port}/" for one in now.home.addresses if one.version == 4]
    lines = ["", "porchlight", "", f"{words.title}.", words.means, words.todo, ""]
    lines += [f"  * {problem}" for problem in problems]
    lines += [""] if problems else []
    if numeric:
        lines += ["Setup page, from a phone or computer in this home:", "    http://porchlight.local/", *numeric]
    else:
        lines += ["The setup page has no address yet: plug in the network cable."]
    if code:
        lines += ["", f"Claim code: {code}", "The setup page asks for this code once. Show it to nobody."]
    return "\n".join([*lines, ""])


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
