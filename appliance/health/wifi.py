"""The Wi-Fi network that the settings file names. Without one, nothing of this is said."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.status.wifi import WifiState
from appliance.text import Text, text
from appliance.wifi.rules import missing


@check("wifi", Severity.NOTICE)
def wifi(facts: Facts) -> Iterator[Problem]:
    """The Wi-Fi network cannot be joined: a setting is missing, not in reach, the password refused, or no radio."""
    wanted = facts.settings.wifi
    what: Text | None = None
    if lacking := missing(wanted):
        what = text("For Wi-Fi something is missing: %(missing)s.", missing=", ".join(lacking))
    elif facts.wifi is WifiState.ABSENT:
        what = text("The Wi-Fi network %(name)s is not in reach.", name=wanted.ssid)
    elif facts.wifi is WifiState.REFUSED:
        what = text("The Wi-Fi network %(name)s refuses the password.", name=wanted.ssid)
    elif facts.wifi is WifiState.NO_RADIO:
        what = text("The Wi-Fi of this device does not come up.")
    if what:
        yield Problem(
            what,
            text("Your porchlight can use a network cable only."),
            text("Correct country, ssid and password under [wifi] in porchlight.toml on the card, or plug in a cable."),
        )
