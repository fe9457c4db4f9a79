"""All settings as one file, to be kept elsewhere and brought back to this card or to another one.

It holds what the setup page has saved, and, only when its owner asks for that, the account at the provider of the
relay's name: a password in clear, as the file itself says. It never holds the page's password, a key or a certificate;
all of these are made anew. Bringing it back replaces what the page has saved, wholly or not at all: everything is
checked first, then a copy is put on the card, and from that copy both files are written, at the next start of the page
if the power goes in between.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import tomli_w

from appliance import __version__
from appliance.errors import SavedStateError, SettingsError
from appliance.files import UNREADABLE, write_atomically
from appliance.name import account
from appliance.name.account import Account
from appliance.name.providers import BY_KEY
from appliance.paths import Paths
from appliance.settings.load import load
from appliance.settings.salvage import whole_toml
from appliance.settings.save import declared, former, settled, write
from appliance.text import text

# What kind of file this is, and the version of its form. A later one may hold what this program does not know.
KIND, FORM = "backup", 1
# What somebody may bring, in bytes: far more than all settings take.
LARGEST_FILE = 64 * 1024
HEAD = "# All settings of a porchlight. Its password and its keys are not in here.\n"
WARNING = "# The password of the relay's name at its provider IS in here: keep this file to yourself.\n"
NOTHING_CHANGED = text("Nothing was changed.")


@dataclass(frozen=True, slots=True)
class Backup:
    """What a file brings, checked.

    Args:
        values: settings by their dotted names, in their settled form.
        account: at the provider of the name; None when the file brings none, and then the one on the card stays.
    """

    values: Mapping[str, Any]
    account: Account | None = None


def make(paths: Paths, *, with_account: bool = False) -> bytes:
    """The file, to be downloaded.

    Args:
        paths: where this instance keeps its files.
        with_account: whether the account at the provider of the name is to be in it, password and all.
    """
    tree: dict[str, Any] = {"porchlight": KIND, "form": FORM, "made_by": __version__, "settings": {}}
    for dotted, value in _flat(former(paths), ""):
        one = declared(dotted)
        # What stands there by mistake is a problem that the page shows; it must not spoil the file.
        with suppress(SettingsError):
            if one is not None and one.metadata["on_page"]:
                settled(dotted, one, value)
                _put(tree["settings"], dotted, value)
    try:
        held = account.load(paths) if with_account else None
    except SavedStateError:
        # The page says so already; a backup without it is better than none.
        held = None
    if held:
        tree["account"] = {"provider": held.provider, "user": held.user, "secret": held.secret}
    return (HEAD + (WARNING if held else "") + tomli_w.dumps(tree)).encode()


def read(paths: Paths, data: bytes) -> Backup:
    """Check a file that somebody brings, value by value; nothing is written.

    Args:
        paths: where this instance keeps its files.
        data: the file.

    Raises:
        SettingsError: it is no such file, is of a later version, or holds a value that is refused here.
    """
    if len(data) > LARGEST_FILE:
        raise _damaged()
    try:
        tree = whole_toml(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UNREADABLE:
        raise _damaged() from None
    form, settings, held = tree.get("form"), tree.get("settings"), tree.get("account")
    if tree.get("porchlight") != KIND or type(form) is not int or not isinstance(settings, dict):
        raise _damaged()
    if form > FORM:
        raise SettingsError(
            text("This file was saved by a newer porchlight."), NOTHING_CHANGED, text("Update this porchlight first.")
        )
    return Backup(_checked(paths, settings), None if held is None else _checked_account(held))


def restore(paths: Paths, backup: Backup) -> None:
    """Bring back what ``read`` has checked. Every setting that is not in it gets its default again.

    Args:
        paths: where this instance keeps its files.
        backup: what is to hold from now on.

    Raises:
        OSError: the card is full or failing; either nothing was changed, or the next start of the page finishes.
    """
    tree: dict[str, Any] = {"porchlight": KIND, "form": FORM, "settings": {}}
    for dotted, value in backup.values.items():
        _put(tree["settings"], dotted, list(value) if isinstance(value, tuple) else value)
    if backup.account:
        one = backup.account
        tree["account"] = {"provider": one.provider, "user": one.user, "secret": one.secret}
    file = paths.page_state / "restore.toml"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(file, tomli_w.dumps(tree).encode(), mode=0o600)
    finish(paths)


def finish(paths: Paths) -> None:
    """Write what a restore has put on the card; the setup page calls this when it starts. Harmless when there is none.

    Raises:
        OSError: the card is full or failing.
    """
    file = paths.page_state / "restore.toml"
    try:
        tree = whole_toml(file.read_text("utf-8"))
        settings, held = dict(tree["settings"]), tree.get("account")
        brought = None if held is None else _checked_account(held)
    except FileNotFoundError:
        return
    except OSError:
        raise
    except (SettingsError, *UNREADABLE):
        # Not by a power cut, since the file is written whole: the card is failing, and the former settings hold.
        file.unlink()
        return
    if brought:
        account.save(paths, brought.provider, brought.user, brought.secret)
    write(paths, settings)
    file.unlink()


def _damaged() -> SettingsError:
    return SettingsError(
        text("This file cannot be understood."), NOTHING_CHANGED, text("Choose a file that porchlight has saved.")
    )


def _checked(paths: Paths, settings: Mapping[str, Any]) -> dict[str, Any]:
    loaded = load(paths)
    values: dict[str, Any] = {}
    for dotted, value in _flat(settings, ""):
        one = declared(dotted)
        if one is None or not one.metadata["on_page"]:
            raise SettingsError(
                text("This file holds a setting that this porchlight does not know: %(name)s.", name=dotted),
                NOTHING_CHANGED,
                text("Update this porchlight, or take the line out of the file."),
            )
        values[dotted] = settled(dotted, one, value)
        if dotted in loaded.fixed and _now(loaded.settings, dotted) != values[dotted]:
            raise SettingsError(
                text("%(name)s is set in porchlight.toml on the card.", name=dotted),
                text("That file wins, so nothing was changed."),
                text("Take the line out of porchlight.toml, or out of the file that you have chosen."),
            )
    return values


def _checked_account(held: Any) -> Account:
    words = [held.get(name) for name in ("provider", "user", "secret")] if isinstance(held, dict) else []
    known = [word for word in words if isinstance(word, str)]
    if len(known) != 3 or known[0] not in BY_KEY:
        raise SettingsError(
            text("The account of the name in this file is damaged."), NOTHING_CHANGED, text("Enter it by hand instead.")
        )
    return account.checked(BY_KEY[known[0]], known[1], known[2])


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *sections, name = dotted.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[name] = value


def _now(settings: object, dotted: str) -> Any:
    for name in dotted.split("."):
        settings = getattr(settings, name)
    return settings
