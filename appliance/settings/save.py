"""Saving what the setup page changes: old or new after a power cut, never half."""

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import tomli_w

from appliance.errors import SettingsError
from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.settings.declared import Settings, is_section
from appliance.settings.load import load

BANNER = "# Written by the setup page. To fix a setting for good, put it into porchlight.toml instead.\n"


def save(paths: Paths, changes: Mapping[str, Any]) -> None:
    """Save settings from the page.

    Args:
        paths: where the files are.
        changes: dotted names and their new values; only settings that the page may set.

    Raises:
        SettingsError: a value is refused, or the owner's file fixes that setting; nothing was written.
        OSError: the card is full or failing; the former settings are untouched.
    """
    fixed = load(paths).fixed
    tree = _former(paths)
    for dotted, value in changes.items():
        declared = _find(dotted)
        if not declared.metadata["on_page"]:
            raise SettingsError(
                f"{dotted} cannot be changed here.", "Nothing was saved.", "Set it in porchlight.toml on the card."
            )
        if dotted in fixed:
            raise SettingsError(
                f"{dotted} is set in porchlight.toml on the card.",
                "That file wins, so nothing was saved.",
                "Change it there.",
            )
        try:
            settled = declared.metadata["kind"].read(value)
        except ValueError as error:
            raise SettingsError(f"{dotted} {error}.", "Nothing was saved.", "Correct it and save again.") from None
        *sections, name = dotted.split(".")
        table = tree
        for section in sections:
            # A damaged file may hold a value where the section should stand.
            if not isinstance(table.get(section), dict):
                table[section] = {}
            table = table[section]
        table[name] = list(settled) if isinstance(settled, tuple) else settled
    paths.saved_settings.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(paths.saved_settings, (BANNER + tomli_w.dumps(tree)).encode())


def _former(paths: Paths) -> dict[str, Any]:
    try:
        return tomllib.loads(paths.saved_settings.read_text("utf-8"))
    except (OSError, ValueError):
        # A damaged file is reported by load() until a save replaces it.
        return {}


def _find(dotted: str) -> Any:
    section: type = Settings
    *sections, name = dotted.split(".")
    for one in sections:
        section = next(declared.metadata["section"] for declared in fields(section) if declared.name == one)
    found = next(declared for declared in fields(section) if declared.name == name)
    if is_section(found):
        raise KeyError(dotted)
    return found
