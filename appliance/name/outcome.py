"""What inadyn says, turned into a state and plain words. Pure: lines in, a verdict out.

inadyn tells its outcome in lines of text and, when it gives up, in its exit status (include/error.h: 48 the provider
did not accept, 50 wrong password). The provider's own word is read too, since inadyn's plugins for many providers take
every refusal for the same. Words of the dyndns2 protocol: https://help.dyn.com/remote-access-api/return-codes/
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from appliance.text import Text, text

# An answer longer than this is a web page, of which the first words are enough. Characters.
MOST_ANSWER = 4000
# Longer lines are cut. Characters.
MOST_LINE = 2000


class NameState(StrEnum):
    """How the name is doing."""

    OFF = "off"
    INCOMPLETE = "incomplete"
    TRYING = "trying"
    GOOD = "good"
    REFUSED = "refused"
    WRONG_NAME = "wrong-name"
    BLOCKED = "blocked"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    BROKEN = "broken"


# Trying again soon would be of no use, and could get the name blocked: somebody has to change something first.
FINAL = (NameState.REFUSED, NameState.WRONG_NAME, NameState.BLOCKED)

SAID = {
    NameState.TRYING: text("The provider is being told your address."),
    NameState.GOOD: text("The provider has your address."),
    NameState.REFUSED: text("The provider refused the user name or password (or token)."),
    NameState.WRONG_NAME: text("The provider knows no such name in this account."),
    NameState.BLOCKED: text("The provider has blocked this name. Its web page or its e-mail to you says why."),
    NameState.BUSY: text("The provider has trouble of its own. porchlight tries again by itself."),
    NameState.UNREACHABLE: text("The provider does not answer. porchlight tries again by itself."),
    NameState.BROKEN: text("The program that tells the provider your address does not run."),
}
NO_CLOCK = text("Nobody has told this device the date yet. The provider is told your address as soon as it is known.")
NO_ADDRESS = text("Nobody could say which address your home has. porchlight tries again by itself.")
NOT_TRUSTED = text("The provider's server could not prove who it is, so it got no password.")
REFUSED_OR_NAME = text("The provider refused this name or the token.")
STRANGE = text("The provider did not accept the address, and gave no reason that porchlight knows.")

# In this order: an answer may hold several.
ANSWERS: tuple[tuple[tuple[str, ...], NameState, Text | None], ...] = (
    (("badauth", "!donator", "authentication", "unauthorized", "authenticat"), NameState.REFUSED, None),
    (("nohost", "nofqdn", "notfqdn", "numhost", "not found"), NameState.WRONG_NAME, None),
    (("abuse", "badagent", "blocked"), NameState.BLOCKED, None),
    (("dnserr", "911", "too many", "throttled"), NameState.BUSY, None),
)
STATUSES = {401: NameState.REFUSED, 403: NameState.REFUSED, 404: NameState.WRONG_NAME, 429: NameState.BUSY}

PREFIX = re.compile(r"inadyn\[\d+\]: ", re.ASCII)
# What follows an answer: the answer ends before it.
AFTER_ANSWER = ("Fatal error in DDNS", "Temporary error in DDNS", "Successful alias table", "Error response from DDNS")
ADDRESS_FOUND = re.compile(r"(?:Current IP# (\S+) at |No IP# change detected for \S+, still at (\S+))", re.ASCII)
NOT_PROVEN = (
    "The certificate is not trusted",
    "The certificate's owner does not match",
    "Failed verifying certificate",
)
FAILED = ("HTTP(S) Transaction failed", "SSL handshake with", "Failed connecting to", "Failed sending HTTPS")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict.

    Args:
        state: how the name is doing.
        said: the same in plain words.
        address: the outer address that inadyn found last; empty while it knows none.
    """

    state: NameState
    said: Text
    address: str = ""


class Reading:
    """Follows one inadyn process by the lines that it writes.

    Args:
        host: the name; inadyn also says whether it could look up that one, which is no failure.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._answer: list[str] | None = None
        self._address = ""
        self._state, self._said = NameState.TRYING, SAID[NameState.TRYING]
        self._distrust = self._same = False
        # Whether inadyn waits for another server; it does so for ever (2.11: src/tcp.c, tcp_recv), so somebody else
        # has to look at a clock.
        self.waiting = True

    @property
    def outcome(self) -> Outcome:
        """The verdict so far."""
        return Outcome(self._state, self._said, self._address)

    def line(self, line: str) -> None:
        """Take one line, without its end."""
        line = PREFIX.sub("", line[:MOST_LINE], count=1)
        if self._answer is not None and not line.startswith(AFTER_ANSWER):
            if sum(map(len, self._answer)) < MOST_ANSWER:
                self._answer.append(line)
            return
        if line.startswith("DDNS server response: "):
            self._answer = [line.removeprefix("DDNS server response: ")]
        elif line.startswith("Successful alias table"):
            self._become(NameState.GOOD)
        elif line.startswith(("Fatal error in DDNS", "Temporary error in DDNS")):
            self._take_answer(line)
        elif found := ADDRESS_FOUND.match(line):
            self._found(found[1] or found[2], same=found[2] is not None)
        elif line.startswith("Update "):
            self._same = False
            if self._state is NameState.GOOD:
                self._become(NameState.TRYING)
        else:
            self._event(line)

    def _event(self, line: str) -> None:
        if line.startswith(("Sending IP# update", "Checking for IP# change", "Fetching account API key")):
            self.waiting, self._distrust = True, False
        elif line.startswith("=> ERROR"):
            self._become(NameState.REFUSED)
        elif line.startswith("Cannot find your DNS name in the list") and self._state is not NameState.REFUSED:
            self._become(NameState.WRONG_NAME)
        elif line.startswith(NOT_PROVEN):
            self._distrust = True
        elif line.startswith("Failed to get IP address for"):
            self._become(NameState.UNREACHABLE, NO_ADDRESS)
        elif line.startswith(FAILED) or (line.startswith("Failed resolving hostname") and self._host not in line):
            self._become(NameState.UNREACHABLE, NOT_TRUSTED if self._distrust else None)
        elif line.startswith("Cannot find your FreeDNS account") and self._state is not NameState.REFUSED:
            self._become(NameState.UNREACHABLE)

    def _found(self, address: str, *, same: bool) -> None:
        try:
            self._address = str(ipaddress.ip_address(address))
        except ValueError:
            return
        self._same, self.waiting = same, False

    def silence(self) -> None:
        """Take note that inadyn has nothing more to say for now: it found the former address, and sent nothing."""
        if self._same and (self._state is NameState.TRYING or self._said is NO_ADDRESS):
            self._become(NameState.GOOD)
        self._same = False

    def _take_answer(self, line: str) -> None:
        answer, self._answer = "\n".join(self._answer or []), None
        state, said = of_answer(answer)
        if state is None:
            if "Authentication" in line:
                state = NameState.REFUSED
            elif line.startswith("Temporary"):
                state = NameState.BUSY
            else:
                state, said = NameState.REFUSED, STRANGE
        self._become(state, said)

    def _become(self, state: NameState, said: Text | None = None) -> None:
        self._state, self._said, self._answer, self.waiting = state, said or SAID[state], None, False

    def ended(self, status: int) -> Outcome:
        """The verdict once the process has ended by itself.

        Args:
            status: its exit status; negative for a signal.
        """
        if self._state in (NameState.TRYING, NameState.GOOD):
            if status in (48, 50):
                self._become(NameState.REFUSED)
            else:
                self._become(NameState.BROKEN)
        return self.outcome


def of_answer(answer: str) -> tuple[NameState | None, Text | None]:
    """What a provider means by an answer that is not good: None when nobody knows.

    Args:
        answer: as it came, with or without its HTTP head.
    """
    status = re.match(r"HTTP/1\.\d (\d{3})", answer, re.ASCII)
    head, separator, body = answer.replace("\r", "").partition("\n\n")
    body = (body if separator else head).strip().lower()
    for words, state, said in ANSWERS:
        if any(word in body for word in words):
            return state, said
    if status and (known := STATUSES.get(int(status[1]))):
        return known, None
    if status and status[1].startswith("5"):
        return NameState.BUSY, None
    # Duck DNS says no more than that (https://www.duckdns.org/spec.jsp).
    if body == "ko":
        return NameState.REFUSED, REFUSED_OR_NAME
    return None, None


def unanswered(address: str) -> Outcome:
    """The verdict on a server that has taken the question and says nothing."""
    return Outcome(NameState.UNREACHABLE, SAID[NameState.UNREACHABLE], address)
