"""The name service: keeps one inadyn going, listens to it, and says how the name is doing.

It starts inadyn with what settings and account say, at once again when they change; ends it when the provider refuses
(going on would get the name blocked) or when a server hangs (inadyn 2.11 waits for ever); and asks it to look at once
when the router says that the outer address has changed.
"""

import random
import select
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from appliance.clock import since_boot, told
from appliance.errors import PorchlightError, SettingsError
from appliance.files import Stamp, stamp
from appliance.name.account import Account
from appliance.name.account import load as load_account
from appliance.name.child import Child
from appliance.name.configuration import PERIOD, render
from appliance.name.lookup import Lookup
from appliance.name.outcome import FINAL, NO_CLOCK, SAID, NameState, Outcome, Reading, unanswered
from appliance.name.providers import BY_KEY
from appliance.paths import Paths
from appliance.settings.declared import NameSettings
from appliance.settings.load import load
from appliance.status import router
from appliance.status.name import NameStatus
from appliance.status.telling import Telling
from appliance.text import Text, text

# Seconds between two looks at files: how long a change on the page or an answer of the router may go unseen.
LOOK_EVERY = 1.0
# Seconds that a server may take for an answer, name lookups included.
PATIENCE = 40.0
# Seconds without a line that mean that inadyn has finished a round, and how long it may rest between two.
SILENCE = 1.5
REST = PERIOD + 30.0
# Seconds until the next try after inadyn ended or was ended: doubled each time up to the most, and up to half as much
# again by chance, so that not all cards ask at once when a provider comes back. A refusal repeats itself until
# somebody acts, and providers block those who insist.
AGAIN = 60.0
AGAIN_REFUSED = 900.0
MOST_AGAIN = 6 * 3600.0
# Seconds after a success until the name itself is looked up: what name servers need to pass it on.
LOOK_UP_AFTER = 5.0


class Service:
    """The name service.

    Args:
        paths: where this instance keeps its files.
        notify: speaks to the service manager (sd_notify(3)).
        say: takes one line for the log; no line holds a password, a name or an address.
        patience: seconds that a server may take for an answer.
        wall: seconds since 1970, or None while nobody has told the time.
        clock: seconds since boot.
        rest: called when nothing is to be done until the saved settings change, with what their file is; may not
            come back.
    """

    def __init__(
        self,
        paths: Paths,
        *,
        notify: Callable[[str], object] = lambda message: None,
        say: Callable[[str], object] = lambda line: None,
        patience: float = PATIENCE,
        wall: Callable[[], float | None] = told,
        clock: Callable[[], float] = since_boot,
        rest: Callable[[Stamp | None], None] | None = None,
    ) -> None:
        self._paths, self._notify, self._say, self._patience = paths, notify, say, patience
        self._wall, self._clock, self._rest = wall, clock, rest
        self._folder = paths.name_status.parent
        self._stamps: list[Stamp | None] | None = None
        self._wanted: tuple[NameSettings, str, Account | None] | None = None
        self._configuration = ""
        self._live: tuple[Child, Reading] | None = None
        self._lookup = Lookup()
        self._outcome = Outcome(NameState.OFF, text(""))
        self._heard = self._start_at = 0.0
        self._failures = 0
        self._afresh = True
        self._outer = ""
        self._telling = Telling(paths.name_status, "name", say)

    def run(self, stop: int) -> None:
        """Serve until there is something to read on a descriptor.

        Args:
            stop: that descriptor.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._private.mkdir(mode=0o700, exist_ok=True)
        try:
            self._turn()
            self._notify("READY=1")
            while not self._wait(stop):
                self._turn()
                self._notify("WATCHDOG=1")
            self._notify("STOPPING=1")
        finally:
            self._end_child()
            (self._private / "inadyn.conf").unlink(missing_ok=True)

    @property
    def _private(self) -> Path:
        """For inadyn's configuration, which holds the password, and its memory."""
        return self._folder / "inadyn"

    def _wait(self, stop: int) -> bool:
        watched = [stop] if self._live is None else [stop, self._live[0].fileno()]
        ready, _, _ = select.select(watched, [], [], LOOK_EVERY)
        if ready and stop not in ready:
            # An ended pipe is ready for ever, and lines come in one by one.
            time.sleep(0.05)
        return stop in ready

    def _turn(self) -> None:
        """Do all that is due."""
        now = self._clock()
        self._follow_files(now)
        if self._live is not None:
            self._listen(now, *self._live)
        elif self._configuration and self._wall() is None:
            # No server can prove who it is to a clock that stands in the past.
            self._outcome = Outcome(NameState.TRYING, NO_CLOCK)
        elif self._configuration and now >= self._start_at:
            self._start(now)
        self._follow_router(now)
        self._lookup.follow(self._name, now)
        self._publish(now)
        if self._rest and self._outcome.state is NameState.OFF and not self._name and self._stamps:
            # The account alone changes nothing: without a provider in the settings it is not read.
            self._rest(self._stamps[1])
            self._rest = None

    # ---- what is wanted

    def _follow_files(self, now: float) -> None:
        paths = self._paths
        stamps = [stamp(path) for path in (paths.owner_file, paths.saved_settings, paths.name_account)]
        if stamps == self._stamps:
            return
        first, self._stamps = self._stamps is None, stamps
        settings = load(paths).settings
        trouble: PorchlightError | None = None
        account = None
        try:
            account = load_account(paths)
        except PorchlightError as error:
            trouble = error
        wanted = settings.name, settings.share.domain, account
        if wanted == self._wanted and not trouble:
            return
        self._wanted = wanted
        self._end_child()
        self._configuration, self._failures = "", 0
        # After a restart of this service the provider need not be told again what it was told.
        self._start_at, self._afresh = now, not first
        if not settings.name.provider:
            self._outcome = Outcome(NameState.OFF, text(""))
            return
        try:
            if trouble:
                raise trouble
            self._configuration = _configuration(settings.name, self._dynamic, account)
            self._outcome = Outcome(NameState.TRYING, SAID[NameState.TRYING])
        except PorchlightError as error:
            self._outcome = Outcome(NameState.INCOMPLETE, _as_text(error))

    @property
    def _dynamic(self) -> str:
        """The name that the provider keeps."""
        name, domain, _account = self._wanted or (NameSettings(), "", None)
        return name.hostname or domain

    @property
    def _name(self) -> str:
        """The name that people are given, or else the provider's."""
        name, domain, _account = self._wanted or (NameSettings(), "", None)
        return domain or (name.hostname if name.provider else "")

    # ---- inadyn

    def _start(self, now: float) -> None:
        try:
            child = Child(self._private, self._configuration, afresh=self._afresh)
        except OSError as error:
            # Not the error's own text: it names the file that holds the password's neighbour, and helps nobody.
            self._say(f"name: inadyn cannot be started ({type(error).__name__}).")
            self._outcome = Outcome(NameState.BROKEN, SAID[NameState.BROKEN])
            self._later(now)
            return
        self._afresh = False
        self._live = child, Reading(self._dynamic)
        self._heard = now

    def _listen(self, now: float, child: Child, reading: Reading) -> None:
        status = child.ended()
        lines = child.lines()
        for line in lines:
            reading.line(line)
        if lines:
            self._heard = now
        elif now - self._heard > SILENCE:
            reading.silence()
        if status is not None:
            self._conclude(reading.ended(status), now)
        elif reading.outcome.state in FINAL:
            self._conclude(reading.outcome, now)
        elif now - self._heard > (self._patience if reading.waiting else REST):
            self._conclude(unanswered(reading.outcome.address), now)
        else:
            self._take(reading.outcome, now)
            if reading.outcome.state is NameState.GOOD:
                self._failures = 0

    def _conclude(self, outcome: Outcome, now: float) -> None:
        """Inadyn has ended, or is of no use any more."""
        self._end_child()
        self._take(outcome, now)
        self._later(now)

    def _later(self, now: float) -> None:
        base = AGAIN_REFUSED if self._outcome.state in FINAL else AGAIN
        pause = min(base * 2.0**self._failures, MOST_AGAIN)
        self._failures += 1
        self._start_at = now + pause * random.uniform(1.0, 1.5)  # noqa: S311  # no secret

    def _take(self, outcome: Outcome, now: float) -> None:
        former = self._outcome
        outcome = replace(outcome, address=outcome.address or former.address)
        # A try in between does not hide why the last one failed, unless somebody waits for the answer.
        if outcome.state is NameState.TRYING and former.state not in (NameState.GOOD, NameState.TRYING):
            return
        if outcome.state is not former.state:
            self._say(f"name: {outcome.state} ({outcome.said})" if outcome.said else f"name: {outcome.state}")
        if outcome.state is NameState.GOOD and outcome != former:
            self._lookup.hurry(now, LOOK_UP_AFTER)
        self._outcome = outcome

    def _end_child(self) -> None:
        if self._live is not None:
            self._live[0].end()
            self._live = None

    def _follow_router(self, now: float) -> None:
        """Look at once when the router says that the home has another address: the outer one, or its own."""
        found = router.read(self._paths.router_status, now)
        outer = (found.seen or found.outer) if found else ""
        if outer and outer != self._outer:
            if self._outer and self._live is not None:
                self._live[0].check_now()
            self._outer = outer

    # ---- the status

    def _publish(self, now: float) -> None:
        name, _domain, account = self._wanted or (NameSettings(), "", None)
        found = self._lookup.found
        status = NameStatus(
            now,
            name.provider,
            self._name,
            self._outcome.state.value,
            self._outcome.said,
            self._outcome.address or self._outer,
            found.addresses,
            found.known,
            account.revision if account else "",
        )
        self._telling.tell(status)


def _configuration(name: NameSettings, host: str, account: Account | None) -> str:
    """What inadyn is told.

    Raises:
        SettingsError: something is missing.
    """
    means, page = text("Your name does not follow your address."), text("Enter it on the setup page.")
    if not host:
        raise SettingsError(text("The name that the provider gave you is missing."), means, page)
    if account is None or account.provider != name.provider:
        raise SettingsError(text("The password (or token) for this provider is missing."), means, page)
    provider = BY_KEY[name.provider]
    return render(provider, host, account, update_url=name.update_url, check_ip=name.check_ip)


def _as_text(error: PorchlightError) -> Text:
    return error.what if isinstance(error.what, Text) else text("%(what)s", what=error.what)
