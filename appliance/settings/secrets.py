"""Which settings are secret, and what the initramfs has to know of all of them to leave those out of a copy.

Services that talk with the outside see a copy of the owner's file (``image/initramfs/hide.awk``, docs/architecture.md).
"""

from collections.abc import Iterator
from dataclasses import fields

from appliance.settings.declared import Settings, is_section


def kinds_of(section: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Everything that may stand in the file, by its dotted name: ``section``, ``setting`` or ``secret``."""
    for one in fields(section):
        dotted = prefix + one.name
        if is_section(one):
            yield "section", dotted
            yield from kinds_of(one.metadata["section"], dotted + ".")
        else:
            yield "secret" if one.metadata["kind"].secret else "setting", dotted


def table() -> str:
    """The same as the initramfs reads it: a kind and a name a line."""
    return "".join(f"{kind} {dotted}\n" for kind, dotted in kinds_of(Settings))


# Dotted names of the secret ones.
SECRETS = frozenset(dotted for kind, dotted in kinds_of(Settings) if kind == "secret")
