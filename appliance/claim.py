"""The claim code: what shows that somebody holds this very card, until a password is set.

``python3 -m appliance.claim`` runs once at each boot, as root, before the setup page: it makes the code of a fresh
card, resets a card whose owner wrote a new code into porchlight.toml, and tidies up after a claim. The page calls
``prepare`` too where nobody did (the demo). docs/claiming.md holds the decision and what was rejected.
"""

import argparse
import hashlib
import json
import logging
import os
import pwd
import secrets
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance import reset
from appliance.cli.main import add_path_options, paths_of
from appliance.errors import PorchlightError
from appliance.fat import replace, tidy, writable
from appliance.files import UNREADABLE, write_atomically
from appliance.page.owner import Ownership, ownership, record_file
from appliance.paths import Paths
from appliance.settings import load
from appliance.settings.kinds import bare_code
from appliance.wifi import prepare as wifi

log = logging.getLogger("porchlight.claim")

# No letter or digit that is taken for another when it is read off a screen (0 O, 1 I L, U V).
ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"
# Two groups of four: 29^8, five guesses a minute, 190,000 years for all of them.
GROUPS, GROUP_LENGTH = 2, 4
USER = "porchlight-page"
NOTE = """\
porchlight's claim code

Claim code: {code}

Open http://porchlight.local/ on your home network and type this code there. It works once, until you have chosen a
password. Whoever reads this file before you have done so can take this porchlight over: do not pass it on.
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known about this card's code.

    Args:
        code: the code, empty once it was used.
        owners: the digest of the last code that the owner chose in porchlight.toml, so that it counts once only.
    """

    code: str = ""
    owners: str = ""


def claim_file(paths: Paths) -> Path:
    """Where the page finds the code."""
    return paths.page_state / "claim.json"


def note_file(paths: Paths) -> Path:
    """Where the owner finds the code: beside the settings file, on the partition that any computer can open."""
    return paths.owner_file.with_name("CLAIM-CODE.txt")


def read_claim(paths: Paths) -> Claim | None:
    """What is known about the code; None when the file is missing or damaged, and then no code is right."""
    try:
        raw = json.loads(claim_file(paths).read_bytes())
        claim = Claim(raw["code"], raw["owners"])
        # What no keyboard can type is not a code.
        claim.code.encode()
    except UNREADABLE:
        return None
    return claim if isinstance(claim.code, str) and isinstance(claim.owners, str) else None


def code_to_show(paths: Paths) -> str:
    """The code for the screen; empty when there is none to show."""
    claim = read_claim(paths)
    return claim.code if claim and ownership(paths) is Ownership.UNCLAIMED else ""


def is_right(paths: Paths, typed: str) -> bool:
    """Whether somebody typed this card's code; case, spaces and dashes do not matter."""
    claim = read_claim(paths)
    code = bare_code(claim.code) if claim else ""
    return bool(code) and secrets.compare_digest(code.encode(), bare_code(typed).encode("utf-8", "replace"))


def spend(paths: Paths) -> None:
    """Make the code worthless, after a password was set.

    Raises:
        OSError: the card is full or failing. The code is worthless all the same while there is a password.
    """
    claim = read_claim(paths) or Claim()
    _write(paths, Claim("", claim.owners))


def new_code() -> str:
    """A code that nobody has had before, such as ``7KQ4-MXRP``."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    return "-".join(groups)


def prepare(paths: Paths) -> Ownership:
    """Bring code, password and note into line with each other; what the oneshot at boot does.

    Args:
        paths: where this instance keeps its files.

    Returns:
        Whether the card is claimed now.

    Raises:
        OSError: the page's folder cannot be written.
    """
    chosen = load(paths).settings.page.claim_code
    digest = hashlib.sha256(bare_code(chosen).encode()).hexdigest() if chosen else ""
    state = ownership(paths)
    known = read_claim(paths)
    if known is None:
        # On a claimed card this only means that the record was lost: the code in the file is not taken for a new one.
        known = Claim("", digest if state is Ownership.CLAIMED else "")
        _write(paths, known)
    fresh = bool(digest) and digest != known.owners
    if state is not Ownership.UNCLAIMED and fresh:
        # The owner has had the card in the hand. The password goes first: after a power cut in between, this
        # code still counts as new at the next boot, and until then the page knows neither password nor code.
        record_file(paths).unlink()
        log.warning("porchlight.toml names a new claim code: the password is reset")
        state = Ownership.UNCLAIMED
    if state is Ownership.UNCLAIMED and (fresh or not known.code):
        known = Claim(chosen or new_code(), digest or known.owners)
        _write(paths, known)
        log.warning("This card has no owner yet. Its claim code stands in %s", note_file(paths).name)
    _keep_note(paths, known.code if state is Ownership.UNCLAIMED else "")
    return state


def again(paths: Paths) -> None:
    """Forget the password and make the card claimable: somebody has held its button down.

    The code is the owner's own where one stands in porchlight.toml, and a new one otherwise. Everything else stays as
    it is. The password goes first: after a power cut in between, the next boot makes a code.

    Args:
        paths: where this instance keeps its files.

    Raises:
        OSError: the page's folder cannot be written.
    """
    record_file(paths).unlink(missing_ok=True)
    chosen = load(paths).settings.page.claim_code
    known = Claim(chosen or new_code(), hashlib.sha256(bare_code(chosen).encode()).hexdigest() if chosen else "")
    _write(paths, known)
    _keep_note(paths, known.code)


def _write(paths: Paths, claim: Claim) -> None:
    folder = paths.page_state
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
    write_atomically(claim_file(paths), json.dumps(asdict(claim)).encode(), mode=0o600)
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam(USER)
        except KeyError:
            # Not on the card: a contributor's computer has no such user.
            return
        for path in (folder, claim_file(paths)):
            # The folder belongs to a service that speaks to the network: never follow a link that it made.
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _keep_note(paths: Paths, code: str) -> None:
    """Write the note, or remove it when there is no code; a failure is told and changes nothing else."""
    note = note_file(paths)
    text = NOTE.format(code=code).replace("\n", "\r\n").encode() if code else None
    try:
        tidy(note)
        if (note.read_bytes() if note.exists() else None) == text:
            return
        if text is not None:
            replace(note, text)
            return
        with writable(note.parent):
            note.unlink()
    except OSError as error:
        log.warning("%s could not be brought up to date (%s); a screen shows the code too", note.name, error.strerror)


def main() -> int:
    """Run by the oneshot service; 0 when the page can go on, 1 when its folder cannot be written, 2 for a mistake."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    parser = argparse.ArgumentParser(prog="python3 -m appliance.claim", description=(__doc__ or "").splitlines()[0])
    add_path_options(parser)
    parser.add_argument("--again", action="store_true", help="forget the password and ask for a code again")
    options = parser.parse_args()
    try:
        paths = paths_of(options)
        if options.again:
            again(paths)
            return 0
        if word := reset.word_is_new(paths, load(paths).settings.page.factory_reset):
            log.warning("porchlight.toml names a new word for factory_reset: this card starts again and forgets all")
            reset.mark(paths, word)
            reset.start_again()
            return 0
        # First: it needs the settings file alone, and without it some boards have no network at all.
        wifi.prepare(paths)
        prepare(paths)
    except PorchlightError as error:
        log.error("%s", error)
        return 2
    except OSError as error:
        log.error("The claim code could not be stored (%s). The setup page stays shut.", error.strerror)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
