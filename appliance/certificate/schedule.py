"""When to ask for a certificate. Pure.

A card asks for a new one at two thirds of the life of the one that it has, whatever that life is (90 days, 64, 6). That
leaves a third of it for whatever goes wrong.
"""

from appliance.certificate.issued import Facts

# How much of its life a certificate lasts before the next one is asked for.
RENEW_AT = 2 / 3
# By chance up to this much of its life later, so that cards that were set up together do not ask together.
SPREAD = 1 / 50
# Seconds until the next try after a failure, doubled each time up to the most; by chance up to half as much again. An
# authority that could not reach us counts failures by the hour (Let's Encrypt: five for a name), so those wait longer.
AGAIN = 60.0
AGAIN_REFUSED = 900.0
MOST_AGAIN = 12 * 3600.0


def due(found: Facts | None, name: str, now: float, chance: float) -> bool:
    """Whether it is time to ask.

    Args:
        found: the certificate that the relay has; None for none.
        name: what it should be for.
        now: seconds since 1970.
        chance: from 0 to 1, the same for one certificate.
    """
    if found is None or not found.fits(name):
        return True
    life = found.not_after - found.not_before
    return now >= found.not_before + life * (RENEW_AT + SPREAD * chance)


def pause(failures: int, refused: bool, chance: float) -> float:
    """Seconds until the next try.

    Args:
        failures: how many tries in a row have failed, this one included.
        refused: whether trying soon could bring a limit of the authority's nearer.
        chance: from 0 to 1.
    """
    base = AGAIN_REFUSED if refused else AGAIN
    return min(base * 2.0 ** min(failures - 1, 20), MOST_AGAIN) * (1 + chance / 2)
