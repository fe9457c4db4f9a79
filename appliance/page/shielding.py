"""Asks for new rules of the firewall when network or settings have changed (``appliance.firewall.made_from``)."""

from appliance.clock import since_boot
from appliance.files import write_atomically
from appliance.firewall import made_from
from appliance.network.home import Home
from appliance.paths import Paths

# Seconds until it is asked for the same again, in case that making the rules has failed.
AGAIN = 300.0


class Shield:
    """Follows what the rules are made of.

    Args:
        paths: where this instance keeps its files.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._asked = ""
        self._again = 0.0

    def follow(self, home: Home) -> None:
        """Look once, and ask if the rules in force were made of something else.

        Args:
            home: the home network now.

        Raises:
            OSError: the page's folder in RAM is missing or full.
        """
        # Nowhere but on the card is there a firewall of ours.
        if not self._paths.firewall_status.parent.is_dir():
            return
        facts = made_from.digest(home, self._paths)
        if facts == made_from.read(self._paths.firewall_status):
            self._asked = ""
        elif facts != self._asked or since_boot() >= self._again:
            write_atomically(self._paths.firewall_request, b"", mode=0o600, durable=False)
            self._asked, self._again = facts, since_boot() + AGAIN
