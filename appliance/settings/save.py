"""Saving what the setup page changes: old or new after a power cut, never half."""

from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import tomli_w

from appliance.errors import SettingsError
from appliance.files import UNREADABLE, write_atomically
from appliance.paths import Paths
from appliance.settings.declared import Settings, is_section
from appliance.settings.load import load
from appliance.settings.salvage import whole_toml
from appliance.settings.secrets import SECRETS

BANNER = "# Written by the setup page. To fix a setting for good, put it into porchlight.toml instead.\n"

# For the name service, which is of the folder's group (tmpfiles.d/porchlight.conf).
SECRETS_MODE = 0o640


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
    tree = former(paths)
    for dotted, value in changes.items():
        one = declared(dotted)
        if one is None:
            raise KeyError(dotted)
        if not one.metadata["on_page"]:
            raise SettingsError(
                f"{dotted} cannot be changed here.", "Nothing was saved.", "Set it in porchlight.toml on the card."
            )
        if dotted in fixed:
            raise SettingsError(
                f"{dotted} is set in porchlight.toml on the card.",
                "That file wins, so nothing was saved.",
                "Change it there.",
            )
        found = settled(dotted, one, value)
        *sections, name = dotted.split(".")
        table = tree
        for section in sections:
            # A damaged file may hold a value where the section should stand.
            if not isinstance(table.get(section), dict):
                table[section] = {}
            table = table[section]
        table[name] = list(found) if isinstance(found, tuple) else found
    write(paths, tree)


def write(paths: Paths, tree: dict[str, Any]) -> None:
    """Replace all that the page has saved.

    Args:
        paths: where the files are.
        tree: the settings, all of them checked, as TOML holds them.

    Raises:
        OSError: the card is full or failing; the former settings are untouched, but for secret ones at the most.
    """
    everybodys, secret = parted(tree)
    # First, since services look whether the other file has changed.
    if secret or paths.saved_secrets.exists():
        paths.saved_secrets.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(paths.saved_secrets, (BANNER + tomli_w.dumps(secret)).encode(), mode=SECRETS_MODE)
    paths.saved_settings.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(paths.saved_settings, (BANNER + tomli_w.dumps(everybodys)).encode())


def parted(tree: Mapping[str, Any], prefix: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """Saved settings that every service may read, and those that are secrets."""
    everybodys: dict[str, Any] = {}
    secret: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            everybodys[name], inner = parted(value, f"{prefix}{name}.")
            secret |= {name: inner} if inner else {}
        else:
            (secret if prefix + name in SECRETS else everybodys)[name] = value
    return everybodys, secret


def part(paths: Paths) -> None:
    """Put secrets where they belong that an earlier version has saved for everybody to read.

    Raises:
        OSError: the card is full or failing; they stay where they are.
    """
    tree = _tree(paths.saved_settings)
    if parted(tree)[1]:
        write(paths, former(paths))


def settled(dotted: str, one: "Field[Any]", value: Any) -> Any:
    """A value as its setting keeps it.

    Raises:
        SettingsError: it is refused.
    """
    try:
        return one.metadata["kind"].read(value)
    except ValueError as error:
        raise SettingsError(f"{dotted} {error}.", "Nothing was saved.", "Correct it and save again.") from None


def former(paths: Paths) -> dict[str, Any]:
    """What the page has saved before, as it stands in its files; what is missing or damaged is left out."""
    return _merged(_tree(paths.saved_secrets), _tree(paths.saved_settings))


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both trees as one; what stands in both is the other's."""
    inner = {
        name: _merged(one[name], value)
        for name, value in other.items()
        if isinstance(value, dict) and isinstance(one.get(name), dict)
    }
    return {**one, **other, **inner}


def _tree(file: Path) -> dict[str, Any]:
    try:
        return whole_toml(file.read_text("utf-8"))
    except UNREADABLE:
        # A damaged file is reported by load() until a save replaces it.
        return {}


def declared(dotted: str) -> "Field[Any] | None":
    """The declaration of a setting by its dotted name; None when there is no such setting."""
    section: type = Settings
    *sections, name = dotted.split(".")
    for one in sections:
        inner = next((field for field in fields(section) if field.name == one and is_section(field)), None)
        if inner is None:
            return None
        section = inner.metadata["section"]
    found = next((field for field in fields(section) if field.name == name), None)
    return None if found is None or is_section(found) else found
