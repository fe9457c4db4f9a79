"""What came of asking an authority, in plain words. Pure: certbot's words in, a verdict out.

ACME's errors have names (RFC 8555, section 6.7), which certbot writes into its log; it shows the kind of each failed
validation as ``Type:``.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from appliance.text import Text, text


class CertificateState(StrEnum):
    """How the certificate is doing."""

    OFF = "off"
    NO_NAME = "no-name"
    NO_CLOCK = "no-clock"
    TRYING = "trying"
    GOOD = "good"
    PORT_CLOSED = "port-closed"
    WRONG_NAME = "wrong-name"
    LIMITED = "limited"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNFIT = "unfit"
    BROKEN = "broken"


# Trying again soon would bring a limit of the authority's nearer.
PATIENT = (
    CertificateState.PORT_CLOSED,
    CertificateState.WRONG_NAME,
    CertificateState.LIMITED,
    CertificateState.REFUSED,
    CertificateState.UNFIT,
)

# The one sentence beside the choice.
PUBLIC_FOR_EVER = text(
    "Every certificate of a public authority stands in public lists that anybody can search, for ever, and with it the "
    "name of your relay."
)
NO_ACCOUNT = text("The authority has forgotten this device. porchlight introduces itself anew.")
UNEXPLAINED = text(
    "The authority gave no certificate, for a reason that porchlight does not know. It tries again by itself."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, and the same in plain words."""

    state: CertificateState
    said: Text


def waiting_for_name() -> Outcome:
    """There is no name to get a certificate for."""
    return Outcome(
        CertificateState.NO_NAME,
        text("A public certificate needs a name for your relay. A bare address is not enough."),
    )


def waiting_for_clock() -> Outcome:
    """Nobody has told this device the time."""
    return Outcome(
        CertificateState.NO_CLOCK,
        text("Nobody has told this device the date yet. The certificate is asked for as soon as it is known."),
    )


def trying() -> Outcome:
    """An answer is on its way."""
    return Outcome(CertificateState.TRYING, text("The authority is being asked for a certificate."))


def good() -> Outcome:
    """All is well."""
    return Outcome(CertificateState.GOOD, text("The relay has a publicly trusted certificate, which renews itself."))


def unfit() -> Outcome:
    """A certificate came, and something about it is not right."""
    return Outcome(
        CertificateState.UNFIT, text("The certificate that came does not fit, so the relay keeps the one that it has.")
    )


def broken() -> Outcome:
    """The program does not run."""
    return Outcome(CertificateState.BROKEN, text("The program that asks for certificates does not run."))


def of_failure(said: str, name: str) -> Outcome:
    """Why there is no certificate.

    Args:
        said: what certbot wrote, its log included.
        name: the relay's name.
    """
    for sign, state, words in _signs(name):
        if re.search(sign, said):
            return Outcome(state, words)
    return Outcome(CertificateState.BUSY, UNEXPLAINED)


def _signs(name: str) -> tuple[tuple[str, CertificateState, Text], ...]:
    """What to look for, in this order: the first that is found counts."""
    error = "urn:ietf:params:acme:error:"
    return (
        (
            rf"Type: +connection|{error}connection",
            CertificateState.PORT_CLOSED,
            text(
                "The authority could not reach port 80 of %(name)s from outside. Open port 80 in your router for this "
                "device.",
                name=name,
            ),
        ),
        (
            rf"Type: +unauthorized|{error}incorrectResponse",
            CertificateState.PORT_CLOSED,
            text(
                "Under %(name)s the authority found another server than this one. Does the name lead to your home, and "
                "port 80 to this device?",
                name=name,
            ),
        ),
        (
            rf"Type: +dns|{error}dns",
            CertificateState.WRONG_NAME,
            text("The authority found no address under %(name)s.", name=name),
        ),
        (
            rf"Type: +caa|{error}caa",
            CertificateState.REFUSED,
            text("A CAA record of %(name)s allows only other authorities.", name=name),
        ),
        (
            f"{error}rejectedIdentifier",
            CertificateState.WRONG_NAME,
            text("The authority gives no certificate for %(name)s.", name=name),
        ),
        (
            rf"{error}rateLimited|too many certificates|too many failed",
            CertificateState.LIMITED,
            text(
                "The authority has given out as many certificates for this name or its provider as it does. porchlight "
                "tries again by itself, in some hours."
            ),
        ),
        (
            rf"{error}(invalidContact|unsupportedContact)",
            CertificateState.REFUSED,
            text("The authority does not take the e-mail address. Correct it, or leave it empty."),
        ),
        (f"{error}accountDoesNotExist", CertificateState.BUSY, NO_ACCOUNT),
        (
            "CERTIFICATE_VERIFY_FAILED",
            CertificateState.UNREACHABLE,
            text("The authority's server could not prove who it is. Is somebody on the way, or is the date wrong?"),
        ),
        (
            # certbot asks again by itself, once.
            rf"{error}(badNonce|serverInternal)",
            CertificateState.BUSY,
            text("The authority has trouble of its own. porchlight tries again by itself."),
        ),
        (
            r"requests\.exceptions|ConnectionError|Max retries exceeded|Connection refused|"
            r"NameResolutionError|timed out",
            CertificateState.UNREACHABLE,
            text("The authority does not answer. porchlight tries again by itself."),
        ),
    )
