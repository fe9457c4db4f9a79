"""A USB stick that somebody has put in: ``python3 -m appliance.update.stick DISK``, by porchlight-stick@.service.

This is root's half: it mounts what may be mounted, has another user look at it (``pick``), and then does what the setup
page does with a file that its owner has brought. Everything else, signature, board, downgrade, trial, is the updater's.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from appliance.cli.journal import log_to_stderr
from appliance.cli.main import add_path_options, paths_of
from appliance.clock import since_boot
from appliance.files import UNREADABLE, write_atomically
from appliance.paths import Paths
from appliance.status import update as update_status
from appliance.status.update import UpdateStatus
from appliance.status.word import sentence
from appliance.text import Text, text, unpacked
from appliance.update import record, volumes
from appliance.update.bundle import DAMAGED, not_written
from appliance.update.disk import booted
from appliance.update.pick import NOTHING
from appliance.update.record import Outcome, Record
from appliance.update.service import failure, words

log = logging.getLogger("porchlight.stick")

# usr/lib/sysusers.d/porchlight.conf
USER = "porchlight-stick"
# Bytes of one line of the other half; its longest sentence has some hundred letters.
LONGEST_LINE = 4096


def run(paths: Paths, disk: str, user: str | None = USER) -> None:
    """Look at a disk, and have the newest bundle on it installed.

    Args:
        paths: where this instance keeps its files.
        disk: as the kernel calls it.
        user: who looks at it; None: whoever this is.
    """
    if reason := volumes.why_not(disk):
        log.info("%s is not looked at: %s", disk, reason)
        return
    held = update_status.read(paths.update_status, since_boot())
    if held and held.at_work:
        # The restart that follows finds the stick again.
        log.info("%s is not looked at: an update is being installed", disk)
        return
    place = Path(tempfile.mkdtemp(prefix="stick-"))
    try:
        place.chmod(0o755)
        with volumes.mounted(volumes.volumes(disk), place) as folders:
            look(paths, folders, user)
    finally:
        with suppress(OSError):
            place.rmdir()


def look(paths: Paths, folders: Sequence[Path], user: str | None = USER) -> None:
    """Have the newest bundle in some folders installed, or say why not.

    Args:
        paths: where this instance keeps its files.
        folders: top folders of what was mounted.
        user: who looks at them; None: whoever this is.
    """
    last = last_update(paths)
    if not folders:
        tell(paths, NOTHING, last)
        return
    try:
        if not _taken(paths, folders, last, user):
            return
        # As the setup page asks (appliance/page/renewing.py).
        write_atomically(paths.update_wish, json.dumps({"file": str(paths.update_upload)}).encode(), durable=False)
    except OSError as error:
        tell(paths, not_written(error).what, last)


def _taken(paths: Paths, folders: Sequence[Path], last: Record | None, user: str | None) -> bool:
    """Copy the newest bundle to where the page puts one, and say how it goes; whether there is one there now."""
    target = paths.update_upload
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Without a name until it is whole: a power cut leaves nothing of it.
        draft = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except BaseException:
        os.close(folder)
        raise
    try:
        # It is no secret, and the updater need not be root.
        os.fchmod(draft, 0o644)
        taken = False
        for kind, value in _looked(draft, last, folders, user):
            taken = kind == "taken"
            if kind == "taking":
                version = str(value)
                said = text("Installing version %(version)s: %(percent)s percent.", version=version, percent=0)
                tell(paths, said, last, phase="installing", version=version)
            elif kind == "said":
                tell(paths, value, last)
        if taken:
            os.fsync(draft)
            with suppress(FileNotFoundError):
                os.unlink(target.name, dir_fd=folder)
            # link(2) would link the link; linkat(2) follows it.
            os.link(f"/proc/self/fd/{draft}", target.name, dst_dir_fd=folder, follow_symlinks=True)
        return taken
    finally:
        os.close(draft)
        os.close(folder)


def _looked(draft: int, last: Record | None, folders: Sequence[Path], user: str | None) -> Iterator[tuple[str, Any]]:
    """What the other half says, as it says it: ``taking`` or ``taken`` a version, or ``said`` a sentence."""
    command = [sys.executable, "-m", "appliance.update.pick", str(draft)]
    command += [json.dumps(asdict(last) if last else None), *map(str, folders)]
    rights: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if user else {}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=(draft,), **rights
    ) as child:
        ended = False
        for line in iter(lambda: child.stdout.readline(LONGEST_LINE) if child.stdout else b"", b""):
            try:
                ((kind, value),) = unpacked(json.loads(line)).items()
                if kind not in ("taking", "taken", "said"):
                    raise ValueError(kind)
                value = sentence(value)
            except UNREADABLE:
                log.warning("What was said about the stick cannot be understood")
                break
            ended = kind != "taking"
            yield kind, value
    if not ended:
        # It was killed, or has met something that nobody foresaw.
        yield "said", DAMAGED


def last_update(paths: Paths) -> Record | None:
    """The last update; one that was tried and does not run has failed, whether somebody has noted it yet or not."""
    last = record.read(paths.update_record)
    slot = booted()[0]
    if slot is None or record.waits(last, slot, installed=paths.update_installed.exists()):
        return last
    if last and last.outcome is Outcome.TRIAL and slot != last.slot:
        return replace(last, outcome=Outcome.FAILED)
    return last


def tell(paths: Paths, said: Text | str, last: Record | None, *, phase: str = "", version: str = "") -> None:
    """Say it where lights and page look; the updater's next word takes its place.

    Args:
        paths: where this instance keeps its files.
        said: a sentence.
        last: the last update.
        phase: what is being done; empty: what was done before.
        version: what it leads to.
    """
    now = since_boot()
    held = update_status.read(paths.update_status, now) or UpdateStatus(now, "idle")
    about_last = said == words(last)
    outcome = str(last.outcome) if last and about_last else ""
    if held.at_work:
        held = replace(held, phase="idle", version="")
    held = replace(held, phase=phase or held.phase, version=version or held.version)
    lasting = not phase and not about_last
    status = replace(held, written=now, outcome=outcome, said=said, lasting=lasting, failed=failure(last))
    log.info("%s", said)
    try:
        paths.update_status.parent.mkdir(mode=0o755, exist_ok=True)
        update_status.publish(paths.update_status, status)
    except OSError as error:
        log.warning("The status cannot be written (%s).", error.strerror)


def main() -> None:
    """Run by porchlight-stick@.service."""
    log_to_stderr()
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python3 -m appliance.update.stick", description=about)
    add_path_options(parser)
    parser.add_argument("disk", help="as the kernel calls it, such as sda")
    options = parser.parse_args()
    run(paths_of(options), options.disk)


if __name__ == "__main__":
    main()
