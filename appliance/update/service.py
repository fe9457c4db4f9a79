"""Looking for an update, installing it, and saying what became of the last one: one run, then nothing stays in memory.

Started by a timer, by the page's wish, or by hand: ``porchlight update``. It runs as a user of its own, since it talks
to the network; what must be root it asks for (``asking``).
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from appliance import __version__
from appliance.clock import since_boot, told
from appliance.errors import UpdateError
from appliance.files import UNREADABLE
from appliance.paths import Paths
from appliance.settings.load import load
from appliance.status import relay as relay_status
from appliance.status import update as update_status
from appliance.status.update import WAITING, UpdateStatus
from appliance.text import Text, text
from appliance.update import bundle, download, feed, record, schedule
from appliance.update.environment import Slot
from appliance.update.record import Outcome, Record
from appliance.update.verdict import Verdict
from appliance.update.version import newer

log = logging.getLogger(__name__)

# Where this card's updates lie, unless the settings name another place; written by ``./build --url``.
FEED = Path("/usr/lib/porchlight/update-feed")
BUSY = text("An update is being installed already.")
# Digits of a second since 1970 for the next three hundred years.
LONGEST_SECOND = 10
# Seconds between two words while a bundle is written.
WORD_EVERY = 5.0


class Root(Protocol):
    """What only root can do; ``asking`` says how it is asked."""

    def install(self, source: str, progress: Callable[[int], None]) -> None:
        """Write a bundle into the other slot."""

    def give_up(self) -> None:
        """Take the slot that did not stay for bad."""

    def restart(self) -> None:
        """Restart the device."""


@dataclass
class Updates:
    """The updates of one card.

    Args:
        paths: where this instance keeps its files.
        booted: the slot that runs.
        on_trial: whether it was started to be tried.
        root: does what only root can.
        wall: seconds since 1970, or None while nobody has told the time.
    """

    paths: Paths
    booted: Slot
    on_trial: bool
    root: Root
    wall: Callable[[], float | None] = told

    @property
    def trial(self) -> bool:
        """Whether the system that runs has to show yet that it works."""
        return self.on_trial and not self.paths.trial_over.exists()

    @property
    def restart_waits(self) -> bool:
        """Whether a version was installed, and the restart into it has not come."""
        last = record.read(self.paths.update_record)
        return record.waits(last, self.booted, installed=self.paths.update_installed.exists())

    def settle(self) -> Record | None:
        """Find out what became of the last update, and say it in the status.

        Nothing is found out about a version that was never started (``restart_waits``).

        Raises:
            UpdateError: the card cannot be written.
        """
        last = record.read(self.paths.update_record)
        held = update_status.read(self.paths.update_status, since_boot())
        # Why there was no update stays until the next look, which is a day away; this runs each hour.
        said = held.said if held and held.lasting else ""
        if last and not self.restart_waits:
            found = record.settled(last, self.booted, trial=self.trial, running=__version__)
            if found != last:
                if found.outcome is Outcome.FAILED:
                    self.root.give_up()
                self.keep(found)
                said = ""
            last = found
        if held and held.phase == WAITING and newer(held.version, __version__):
            # Found at the quiet hour; it waits until the feed says otherwise or the owner takes it.
            self.say(WAITING, last, version=held.version, said=said, lasting=bool(said))
        else:
            self.rest(last, said=said, lasting=bool(said))
        return last

    def note(self, found: Verdict | None) -> None:
        """Keep how the trial of the system that runs goes, and say it; at its beginning, and before root ends it.

        Args:
            found: the judge's verdict; None as long as there is none.
        """
        if not self.trial:
            return
        held = record.read(self.paths.update_record)
        # Without a record the data partition was lost meanwhile, or could not be written.
        last = held if held and held.slot == self.booted else record.begun(held, __version__, self.booted, "")
        last = record.judged(last, found)
        log.info("The trial of version %s: %s", last.version, found or "no verdict yet")
        if last != held:
            self.keep(last)
        self.say("trial" if last.outcome is Outcome.TRIAL else "restarting", last)

    def rest(self, last: Record | None, *, said: str = "", lasting: bool = False) -> None:
        """Say that nothing is being done."""
        tried = last is not None and last.outcome is Outcome.TRIAL and last.slot == self.booted
        phase = "trial" if tried else "idle"
        self.say(phase, last, said=said, lasting=lasting)

    def look(self, *, now: bool = False) -> None:
        """Ask the feed, if it is time to, and install what it offers.

        Args:
            now: whether the owner has asked: then neither hour nor former failures count.

        Raises:
            UpdateError: nothing could be installed; the running system stays. Nothing is by itself where it cannot be
                remembered: it would be again each hour.
        """
        settings = load(self.paths).settings.update
        address = settings.feed or (FEED.read_text().strip() if FEED.exists() else "")
        last = record.read(self.paths.update_record)
        if not now and not (settings.enabled and address and self._due(settings.hour)):
            return
        if not now and self._rests():
            return
        if not address:
            raise UpdateError(
                text("Nobody has told this porchlight where its updates are."),
                "It stays as it is; the relay is not affected.",
                "Write the address as feed under [update] in porchlight.toml, or install a file.",
            )
        offer = self._ask(address, wished=now)
        if feed.too_far(offer):
            raise UpdateError(
                text(
                    "Version %(version)s cannot be installed over this one. Save all settings as one file, flash the "
                    "card again, and bring the file back.",
                    version=offer.version,
                ),
                "This porchlight has missed too many versions to take it in one step; it goes on relaying.",
                "Or tell the makers which version runs here: there may be one in between.",
            )
        if not feed.wanted(offer):
            log.info("%s is there, %s runs: nothing to do", offer.version, __version__)
            self.rest(last, said=text("There is no newer version than this one.") if now else "")
        elif not now and record.refused(last, offer.version):
            self.say(WAITING, last, version=offer.version)
        else:
            self.install(offer.url, offer.version, wished=now)

    def install(self, source: str, version: str, *, wished: bool = True) -> None:
        """Write a bundle into the other slot, and restart into it.

        Args:
            source: a file or an HTTPS address.
            version: of the bundle.
            wished: whether the owner has asked for it.

        Raises:
            UpdateError: it was refused, or not written, or what becomes of it cannot be remembered and nobody has asked
                for it; the running system stays.
        """
        if self.trial:
            raise bundle.on_trial()
        last = record.read(self.paths.update_record)
        other: Slot = "B" if self.booted == "A" else "A"
        tried = record.begun(last, version, other, __version__)
        spoke = 0.0

        def progress(percent: int) -> None:
            nonlocal spoke
            if since_boot() - spoke >= WORD_EVERY:
                spoke = since_boot()
                said = text("Installing version %(version)s: %(percent)s percent.", version=version, percent=percent)
                self.say("installing", last, version=version, said=said)

        progress(0)
        with _alone(self.paths.update_status.parent), download.at_hand(source, self.paths, progress) as (there, tell):
            # Root marks the slot at once: from then on a power cut starts this version, and no other one is spoken of.
            if (error := self.keep(replace(tried, outcome=Outcome.WRITING))) and not wished:
                raise bundle.not_written(error)
            try:
                self.root.install(there, tell)
            except UpdateError:
                self.keep(last)
                raise
        if (error := self.keep(tried)) and not wished:
            # It would fail unseen, and be installed again at the next look.
            self.root.give_up()
            raise bundle.not_written(error)
        with suppress(OSError):
            # Or else, if it does not restart, the next run takes the version for one that did not stay.
            self.paths.update_installed.touch()
        self.restart(tried)

    def restart(self, tried: Record) -> None:
        """Restart into a version that was installed.

        Args:
            tried: its record.

        Raises:
            UpdateError: the device does not restart.
        """
        self.say("restarting", tried, version=tried.version)
        log.info("Version %s is in slot %s; restarting", tried.version, tried.slot)
        self.root.restart()

    def say(self, phase: str, last: Record | None, *, version: str = "", said: str = "", lasting: bool = False) -> None:
        """Write the status."""
        there = _other_version(last, self.booted)
        # What is said then is about something else, and would stand there as the reason of the former outcome.
        outcome = str(last.outcome) if last and not said else ""
        unheard = unheard_since(self.paths.update_looked)
        line = said or words(last)
        status = UpdateStatus(since_boot(), phase, version, there, outcome, line, lasting, unheard, failure(last))
        try:
            self.paths.update_status.parent.mkdir(mode=0o755, exist_ok=True)
            update_status.publish(self.paths.update_status, status)
        except OSError as error:
            log.warning("The status cannot be written (%s).", error.strerror)

    def keep(self, one: Record | None) -> OSError | None:
        """Keep what became of an update over the next start; returns why it cannot be kept."""
        try:
            record.write(self.paths.update_record, one)
        except OSError as error:
            # Then nobody knows later what became of it; what the owner has asked for works all the same.
            log.warning("What became of the update cannot be kept (%s).", error.strerror)
            return error
        return None

    def _rests(self) -> bool:
        """Whether the relay relays for nobody by the owner's wish: then no new version can show that it does."""
        status = relay_status.read(self.paths.relay_status)
        return status is not None and bool(status.resting)

    def _due(self, hour: int) -> bool:
        """Whether to look by itself now; where nothing is known of the last look, the days are counted from here on."""
        now, looked = self.wall(), None
        with suppress(OSError):
            looked = self.paths.update_looked.stat().st_mtime
        if schedule.due(now, looked, hour, since_boot(), time.time()):
            return True
        since = schedule.begun(now, looked)
        if since is not None:
            self._note_look(since)
        return False

    def _ask(self, address: str, *, wished: bool) -> feed.Offer:
        """Ask the feed, and keep that it was asked, and since when in vain."""
        now = self.wall()
        if (error := self._note_look(now)) and not wished:
            raise bundle.not_written(error)
        before = unheard_since(self.paths.update_looked)
        try:
            offer = feed.fetch(address)
        except UpdateError:
            if now and not 0 < before <= now:
                self._note_look(now, now)
            raise
        if before:
            self._note_look(now, 0.0)
        return offer

    def _note_look(self, when: float | None, unheard: float | None = None) -> OSError | None:
        """Keep when the feed was asked.

        Args:
            when: seconds since 1970; None: by the machine's clock, which nobody has set.
            unheard: since when it has been asked in vain; 0 when it has answered; None: as it was.

        Returns:
            Why it cannot be kept.
        """
        try:
            self.paths.update_state.mkdir(mode=0o755, exist_ok=True)
            if unheard is None:
                self.paths.update_looked.touch()
            else:
                self.paths.update_looked.write_text(f"{unheard:.0f}\n" if unheard else "")
            if when is not None:
                os.utime(self.paths.update_looked, (when, when))
        except OSError as error:
            log.warning("When the feed was asked cannot be kept (%s).", error.strerror)
            return error
        return None


def words(last: Record | None) -> Text | str:
    """How the last update ended, for the owner; empty when there was none. No input or output here."""
    if last is None:
        return ""
    match last.outcome:
        case Outcome.WRITING:
            return ""
        case Outcome.TRIAL:
            return text("Version %(version)s is new here and is being tried.", version=last.version)
        case Outcome.GOOD:
            return text("Version %(version)s was installed, and it works.", version=last.version)
        case Outcome.FAILED:
            return text(
                "Version %(version)s did not work here, so version %(former)s runs again.",
                version=last.version,
                former=last.former,
            )
        case Outcome.UNCLEAR:
            return text(
                "Version %(version)s could not show that it relays, so version %(former)s runs again. Perhaps the "
                "Internet was down, or the relay was switched off.",
                version=last.version,
                former=last.former,
            )


def failure(last: Record | None) -> Text | str:
    """The same if the last update did not work here, else nothing. No input or output here."""
    return words(last) if last and last.outcome in (Outcome.FAILED, Outcome.UNCLEAR) else ""


def unheard_since(path: Path) -> float:
    """Since when the feed has been asked in vain, in seconds since 1970; 0 when it has answered.

    Args:
        path: ``Paths.update_looked``.
    """
    try:
        # Whatever a power cut has left there, or a wrong clock: what is no number is none.
        return max(0.0, float(int(path.read_text()[:LONGEST_SECOND])))
    except UNREADABLE:
        return 0.0


def wish(path: Path) -> str | None:
    """What the owner asks for on the page, taken away as it is read.

    Returns:
        A file's path; empty for whatever the feed offers; None when nobody asks for anything.
    """
    try:
        raw = json.loads(path.read_bytes())
        asked = str(raw.get("file", ""))
    except FileNotFoundError:
        return None
    except UNREADABLE:
        asked = None
    # The page's user can write there too: only the name is removed, whatever it is.
    with suppress(OSError):
        path.unlink()
    return asked


def _other_version(last: Record | None, booted: Slot) -> str:
    if last is None:
        return ""
    if booted == last.slot:
        return last.former
    # One that was being written when the power went may be whole, or not.
    return last.version if last.outcome is not Outcome.WRITING else ""


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o755, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UpdateError(BUSY, "Only one can be installed at a time.", "Wait a few minutes.") from error
    finally:
        os.close(descriptor)
