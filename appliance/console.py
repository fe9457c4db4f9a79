"""``python3 -m appliance.console``: what somebody sees who plugs a screen or a serial cable into the card.

It shows the addresses of the setup page, the state in words and, until the card is claimed, the claim code. It writes
to the kernel's consoles and never to the journal: the code must not end up in a log.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from appliance.claim import code_to_show
from appliance.cli.main import add_path_options, paths_of
from appliance.errors import PorchlightError
from appliance.paths import Paths
from appliance.status.gather import Situation, Watch
from appliance.status.problems import problems_now
from appliance.status.words import WORDS

# Seconds between two looks.
LOOK_EVERY = 2.0
# Seconds that a slow serial line may take for one screen of text: 700 bytes at 9,600 baud.
WRITE_TAKES = 3.0
ACTIVE = Path("/sys/class/tty/console/active")
CLEAR = "\x1b[2J\x1b[H"


def screen(now: Situation, code: str, problems: tuple[str, ...] = ()) -> str:
    """The text for the screen. No input or output here.

    Args:
        now: the verdict and what it rests on.
        code: the claim code, empty when there is none to show.
        problems: what is wrong, one sentence each.
    """
    words = WORDS[now.state]
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


def consoles() -> list[str]:
    """The devices to write to: standard output when a person sits there, or else the kernel's consoles."""
    if sys.stdout.isatty():
        return [os.ttyname(sys.stdout.fileno())]
    try:
        names = ACTIVE.read_text("ascii").split()
    except (OSError, ValueError):
        names = []
    # tty0 is whichever screen is in front; its first one is where a boot ends up.
    return [f"/dev/{'tty1' if name == 'tty0' else name}" for name in names]


def write(device: str, text: str) -> bool:
    """Write one screen of text to a terminal; a terminal that does not take it is left alone.

    Returns:
        Whether all of it was written.
    """
    is_screen = device.removeprefix("/dev/tty").isdigit()
    data = ((CLEAR if is_screen else "") + text).encode("utf-8", "replace")
    deadline = time.monotonic() + WRITE_TAKES
    try:
        opened = os.open(device, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        while data and time.monotonic() < deadline:
            try:
                data = data[os.write(opened, data) :]
            except BlockingIOError:
                time.sleep(0.05)
    except OSError:
        return False
    finally:
        os.close(opened)
    return not data


def show_changes(paths: Paths, watch: Watch, shown: dict[str, str]) -> None:
    """Look once, and draw anew wherever something changed or the last drawing failed.

    Args:
        paths: where this instance keeps its files.
        watch: how porchlight is doing.
        shown: what each device shows; changed in place.
    """
    now = watch.situation()
    text = screen(now, code_to_show(paths), tuple(problem.what for problem in problems_now(paths, now)))
    for device in consoles():
        if shown.get(device) != text and write(device, text):
            shown[device] = text


def main() -> int:
    """Show until killed."""
    parser = argparse.ArgumentParser(prog="python3 -m appliance.console", description=(__doc__ or "").splitlines()[0])
    add_path_options(parser)
    try:
        paths = paths_of(parser.parse_args())
    except PorchlightError as error:
        print(error, file=sys.stderr)
        return 2
    watch = Watch(paths)
    shown: dict[str, str] = {}
    while True:
        show_changes(paths, watch, shown)
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    sys.exit(main())
