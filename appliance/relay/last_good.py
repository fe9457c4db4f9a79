"""The upstreams' last good addresses, kept in RAM for processes that begin while no name server answers.

A worker resolves the names for itself. One that takes over from another (new settings, a crash, a restart of the
service) would know nothing until its own first lookup has ended, and with the name servers down it would turn
everybody away although its predecessor knew the way. These are WhatsApp's addresses, never anybody else's.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.files import UNREADABLE, write_atomically

log = logging.getLogger(__name__)

# A dozen addresses need less than a thousandth of it; more is not a file of ours. Bytes.
LARGEST = 64 * 1024

Name = tuple[str, int]


class LastGood:
    """The file with the addresses.

    Args:
        path: where it is; a folder in RAM that survives a restart of the service.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._complained = False

    def recall(self, names: Sequence[Name]) -> dict[Name, list[str]]:
        """The addresses that these names had; whoever uses them checks them like an answer of the DNS.

        Args:
            names: host and port, as in the settings.

        Returns:
            Literal addresses by name; nothing for a name that was never found, or when the file is damaged.
        """
        known = self._read()
        return {name: known[_key(name)] for name in names if known.get(_key(name))}

    def note(self, found: Mapping[Name, Sequence[str]]) -> None:
        """Remember where names lead to, beside those that are known already; a full folder is logged once."""
        known = self._read()
        merged = {**known, **{_key(name): list(addresses) for name, addresses in found.items()}}
        if merged == known:
            return
        try:
            write_atomically(self._path, json.dumps(merged).encode(), durable=False)
        except OSError as error:
            if not self._complained:
                log.warning("The upstreams' addresses cannot be kept for later processes (%s).", error.strerror)
            self._complained = True
        else:
            self._complained = False

    def _read(self) -> dict[str, list[str]]:
        try:
            with self._path.open("rb") as file:
                raw = json.loads(file.read(LARGEST))
        except UNREADABLE:
            return {}
        if not isinstance(raw, dict):
            return {}
        return {
            name: addresses
            for name, addresses in raw.items()
            if isinstance(addresses, list) and all(isinstance(one, str) for one in addresses)
        }


def _key(name: Name) -> str:
    return f"{name[0]}:{name[1]}"
