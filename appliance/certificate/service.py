"""The certificate service: asks for a certificate when one is wanted and due, and hands it to the relay.

Nothing that goes wrong here touches what the relay has: its file changes in one step, and only to a certificate that
fits. Only the owner's choice of a self-signed one takes it away.
"""

import ipaddress
import random
import select
import shutil
from collections.abc import Callable
from pathlib import Path

from appliance.certificate import outcome as verdicts
from appliance.certificate.client import LIMIT, Client, prepare
from appliance.certificate.issued import Facts, deploy, facts
from appliance.certificate.outcome import PATIENT, CertificateState, Outcome
from appliance.certificate.schedule import due, pause
from appliance.clock import since_boot, told
from appliance.files import Stamp, stamp
from appliance.paths import Paths
from appliance.settings.declared import CertificateSettings
from appliance.settings.load import load
from appliance.status.certificate import CertificateStatus
from appliance.status.telling import Telling
from appliance.text import text

# Seconds between two turns: how long a change on the page may go unseen.
LOOK_EVERY = 2.0
# The same while certbot runs, when somebody may be waiting at the page.
LOOK_EVERY_RUNNING = 0.5
# A damaged account cannot be told from other failures of certbot: after this many that nobody can explain, the account
# is made anew.
MOST_UNEXPLAINED = 3


class Service:
    """The certificate service.

    Args:
        paths: where this instance keeps its files.
        notify: speaks to the service manager (sd_notify(3)).
        say: takes one line for the log; no line holds the relay's name.
        wall: seconds since 1970, or None while nobody has told the time.
        clock: seconds since boot.
        chance: a number from 0 to 1, another one each time.
        rest: called when nothing is to be done until the saved settings change, with what their file is; may not
            come back.
    """

    def __init__(
        self,
        paths: Paths,
        *,
        notify: Callable[[str], object] = lambda message: None,
        say: Callable[[str], object] = lambda line: None,
        wall: Callable[[], float | None] = told,
        clock: Callable[[], float] = since_boot,
        chance: Callable[[], float] = random.random,
        rest: Callable[[Stamp | None], None] | None = None,
    ) -> None:
        self._paths, self._notify, self._say = paths, notify, say
        self._wall, self._clock, self._chance, self._rest = wall, clock, chance, rest
        self._stamps: list[Stamp | None] | None = None
        self._settings = CertificateSettings()
        self._name = ""
        self._issued: Stamp | None = None
        self._facts: Facts | None = None
        self._spread = 0.0
        self._client: Client | None = None
        self._order = ("", "")
        self._began = self._start_at = self._validated = 0.0
        self._failures = self._unexplained = 0
        self._outcome = Outcome(CertificateState.OFF, text(""))
        self._telling = Telling(paths.certificate_status, "certificate", say)

    def run(self, stop: int) -> None:
        """Serve until there is something to read on a descriptor.

        Args:
            stop: that descriptor.

        Raises:
            OSError: the service's folders cannot be made.
        """
        self._paths.certificate_state.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._private.mkdir(mode=0o700, exist_ok=True)
        prepare(self._paths.certificate_run)
        # What a run left behind that was cut off.
        shutil.rmtree(self._paths.certificate_run / "private" / "order", ignore_errors=True)
        try:
            self._turn()
            self._notify("READY=1")
            while not select.select([stop], [], [], LOOK_EVERY_RUNNING if self._client else LOOK_EVERY)[0]:
                self._turn()
                self._notify("WATCHDOG=1")
            self._notify("STOPPING=1")
        finally:
            self._end_client()

    @property
    def _private(self) -> Path:
        """For certbot's account; readable by nobody else."""
        return self._paths.certificate_state / "own"

    def _turn(self) -> None:
        """Do all that is due."""
        now = self._clock()
        self._follow_files(now)
        if self._settings.kind == "self-signed":
            self._take_away()
        elif self._client is not None:
            self._attend(self._client, now)
        else:
            self._consider(now)
        self._publish(now)
        if self._rest and self._outcome.state is CertificateState.OFF and self._stamps:
            self._rest(self._stamps[1])
            self._rest = None

    def _follow_files(self, now: float) -> None:
        paths = self._paths
        issued = stamp(paths.issued_certificate)
        if issued != self._issued:
            self._issued = issued
            self._facts = facts(paths.issued_certificate) if issued else None
            self._spread = self._chance()
        stamps = [stamp(path) for path in (paths.owner_file, paths.saved_settings)]
        if stamps == self._stamps:
            return
        self._stamps = stamps
        settings = load(paths).settings
        self._settings, self._name = settings.certificate, settings.share.domain
        # Whoever has just saved something wants to see what comes of it. An order that runs already goes on.
        self._start_at, self._failures = now, 0

    def _take_away(self) -> None:
        self._end_client()
        if self._issued:
            self._paths.issued_certificate.unlink(missing_ok=True)
            self._issued = self._facts = None
            self._say("certificate: The relay goes back to its own, self-signed certificate.")
        self._become(Outcome(CertificateState.OFF, text("")))

    def _consider(self, now: float) -> None:
        """Ask for a certificate if one is due."""
        wall = self._wall()
        if not _is_name(self._name):
            self._become(verdicts.waiting_for_name())
        elif wall is None:
            self._become(verdicts.waiting_for_clock())
        elif not due(self._facts, self._name, wall, self._spread):
            self._failures = 0
            self._become(verdicts.good())
        elif now >= self._start_at:
            self._ask(now)

    def _ask(self, now: float) -> None:
        settings = self._settings
        try:
            self._client = Client(
                self._private,
                self._paths.certificate_run,
                self._name,
                settings.authority,
                email=settings.email,
                roots=settings.authority_roots,
            )
        except OSError as error:
            self._say(f"certificate: certbot cannot be started ({type(error).__name__}).")
            self._fail(verdicts.broken(), now)
            return
        self._order, self._began = (self._name, settings.authority), now
        # A try in between does not hide why the last one failed.
        if not self._failures:
            self._become(verdicts.trying())

    def _attend(self, client: Client, now: float) -> None:
        """See whether certbot has come to an end."""
        status = client.ended()
        if status is None:
            if now - self._began > LIMIT or self._order != (self._name, self._settings.authority):
                self._end_client()
                self._fail(verdicts.of_failure("timed out", self._name), now)
            return
        name = self._order[0]
        if status == 0:
            self._validated = now
            self._hand_over(client, name, now)
        else:
            found = verdicts.of_failure(client.said(), name)
            self._end_client()
            self._fail(found, now)

    def _hand_over(self, client: Client, name: str, now: float) -> None:
        wall = self._wall()
        reason = "the date is unknown"
        if wall is not None:
            reason = deploy(client.folder, name, wall, self._paths.issued_certificate)
        self._end_client()
        if reason:
            self._say(f"certificate: What came cannot be used: {reason}.")
            self._fail(verdicts.unfit(), now)
            return
        self._failures = 0
        self._say("certificate: The relay has a new one.")
        self._follow_files(now)
        self._become(verdicts.good())

    def _fail(self, found: Outcome, now: float) -> None:
        self._failures += 1
        self._unexplained = self._unexplained + 1 if found.said is verdicts.UNEXPLAINED else 0
        if self._unexplained >= MOST_UNEXPLAINED or found.said is verdicts.NO_ACCOUNT:
            self._unexplained = 0
            shutil.rmtree(self._private / "certbot", ignore_errors=True)
        self._start_at = now + pause(self._failures, found.state in PATIENT, self._chance())
        self._become(found)

    def _end_client(self) -> None:
        if self._client is not None:
            self._client.end()
            self._client.clear()
            self._client = None

    def _become(self, found: Outcome) -> None:
        if found.state is not self._outcome.state:
            # Not the sentence: it may hold the relay's name.
            self._say(f"certificate: {found.state}")
        self._outcome = found

    def _publish(self, now: float) -> None:
        found = self._facts
        status = CertificateStatus(
            now,
            "public" if found else "self-signed",
            found.names[0] if found and found.names else "",
            found.not_after if found else 0.0,
            self._outcome.state.value,
            self._outcome.said,
            self._validated,
        )
        self._telling.tell(status)


def _is_name(name: str) -> bool:
    """Whether a public authority could give a certificate for it."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." in name and not name.endswith((".local", ".home.arpa", ".internal"))
    return False
