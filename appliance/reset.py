"""Forgetting everything: the card is as it was flashed, except for the settings file that its owner edits by hand.

A reset is two steps. First a mark is put on the card, and the card is started again. Then, before any service runs that
could write something anew, everything is removed, and the mark last (``porchlight-reset.service``). So the power may go
at any moment: without the mark nothing has changed, and with it the next boot finishes.

Three ways lead to the mark, and all need the password or the card in the hand: the setup page (``ask``), a new word in
porchlight.toml (``word_is_new``), and the button, which runs ``python3 -m appliance.reset``. docs/claiming.md says
why.
"""

import argparse
import hashlib
import json
import logging
import os
import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from appliance.cli.main import add_path_options, paths_of
from appliance.clock import SYSTEMD
from appliance.errors import PorchlightError
from appliance.files import UNREADABLE, write_atomically
from appliance.paths import Paths

log = logging.getLogger("porchlight.reset")

# What is no setting: the mark of image/initramfs/init.
KEPT = ("in-use",)
# Seconds that systemd may take to accept that the card is to start again.
SYSTEMCTL_TAKES = 60


def mark_file(paths: Paths) -> Path:
    """Stands while a reset is not finished."""
    return paths.state / "forget"


def word_file(paths: Paths) -> Path:
    """The digest of the last word of ``factory_reset``, so that it counts once only; it outlives a reset."""
    return paths.state / "reset-word"


def request_file(paths: Paths) -> Path:
    """What the setup page leaves for the service that may start the card again."""
    return paths.run / "page" / "reset"


def ask(paths: Paths) -> None:
    """Ask for a reset from the setup page, which has checked the password; within seconds the card starts again.

    Args:
        paths: where this instance keeps its files.

    Raises:
        OSError: the folder in RAM is missing or full.
    """
    write_atomically(request_file(paths), b"", mode=0o600, durable=False)


def mark(paths: Paths, word: str = "") -> None:
    """Take the first step.

    Args:
        paths: where this instance keeps its files.
        word: the digest of the word in porchlight.toml that asked for it.

    Raises:
        OSError: the card is full or failing; nothing has changed.
    """
    # A full card can still be reset: the note is shorter than a name.
    write_atomically(mark_file(paths), json.dumps({"word": word}).encode(), mode=0o600)


def finish(paths: Paths) -> bool:
    """Take the second step, if there was a first one; only while no other service of porchlight runs.

    Args:
        paths: where this instance keeps its files.

    Returns:
        Whether there was anything to do.

    Raises:
        OSError: something cannot be removed; the mark stays, and so the next boot tries again.
    """
    try:
        raw = mark_file(paths).read_bytes()
    except FileNotFoundError:
        return False
    word = b""
    with suppress(*UNREADABLE):
        word = json.loads(raw)["word"].encode("ascii")
    kept = {mark_file(paths).name, word_file(paths).name, *KEPT}
    failed: OSError | None = None
    for one in sorted(paths.state.iterdir()):
        if one.name not in kept:
            try:
                _empty(one)
            except OSError as error:
                # All that can go goes: a key must not stay for the sake of one damaged folder.
                failed = failed or error
    if failed:
        raise failed
    if word:
        write_atomically(word_file(paths), word, mode=0o600)
    # What has been removed must be so for good before the mark goes.
    os.sync()
    mark_file(paths).unlink()
    log.warning("Everything that was saved on this card has been forgotten")
    return True


def _empty(place: Path) -> None:
    """Remove a file, or all that is in a folder; a folder itself stays with its owner. No link is followed."""
    if not stat.S_ISDIR(place.lstat().st_mode):
        place.unlink()
        return
    for one in place.iterdir():
        if stat.S_ISDIR(one.lstat().st_mode):
            shutil.rmtree(one)
        else:
            one.unlink()


def word_is_new(paths: Paths, word: str) -> str:
    """Whether porchlight.toml asks for a reset; run at each boot. A word counts once, whatever stands there later.

    The first boot of a card only takes note of its word: there is nothing to forget. The same holds where the note was
    lost, since a card that forgets by itself would be worse than one that has to be asked with yet another word.

    Args:
        paths: where this instance keeps its files.
        word: the setting ``factory_reset``.

    Returns:
        The digest of the word if it asks for a reset, for ``mark``; else an empty text.

    Raises:
        OSError: the card is full or failing.
    """
    if mark_file(paths).exists():
        # It could not be finished at this boot, and would not be by starting again and again.
        return ""
    digest = hashlib.sha256(word.encode()).hexdigest() if word else ""
    try:
        known = word_file(paths).read_text("ascii")
    except (FileNotFoundError, UnicodeDecodeError):
        paths.state.mkdir(parents=True, exist_ok=True)
        write_atomically(word_file(paths), digest.encode(), mode=0o600)
        return ""
    return digest if digest != known else ""


def start_again() -> None:
    """Let systemd start the card again; anywhere else somebody has to do it.

    Raises:
        OSError: systemd does not want to.
    """
    if not SYSTEMD.is_dir():
        log.warning("Start porchlight again: then everything is forgotten")
        return
    command = ["systemctl", "--no-block", "reboot"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SYSTEMCTL_TAKES, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError(5, f"systemctl did not come back within {SYSTEMCTL_TAKES} seconds") from error
    if done.returncode:
        raise OSError(5, done.stderr.strip() or f"systemctl ended with {done.returncode}")


def main() -> int:
    """Run by the services and by the button; 0 when it is done, 1 when the card is failing, 2 for a mistake."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    parser = argparse.ArgumentParser(prog="python3 -m appliance.reset", description=(__doc__ or "").splitlines()[0])
    add_path_options(parser)
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--boot", action="store_true", help="finish a reset that has begun, before anything else starts")
    when.add_argument("--asked", action="store_true", help="only if the setup page has asked for it")
    options = parser.parse_args()
    try:
        paths = paths_of(options)
        if options.boot:
            finish(paths)
            return 0
        if options.asked:
            # Taken away first: a word that stayed would be found again and again.
            try:
                request_file(paths).unlink()
            except FileNotFoundError:
                return 0
        log.warning("Everything that was saved on this card is to be forgotten: it starts again now")
        mark(paths)
        start_again()
    except PorchlightError as error:
        log.error("%s", error)
        return 2
    except OSError as error:
        log.error("The card could not be reset (%s). Flash it again if this stays.", error.strerror)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
