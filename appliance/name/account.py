"""The user name and password at the provider: written by the setup page, read by the name service, by nobody else.

They never stand in ``saved.toml``, which every service reads. On the card the folder belongs to the page, its group is
the name service's, and whatever is made in it inherits that group (``image/files/usr/lib/tmpfiles.d/``).
"""

import os
import tomllib
from dataclasses import dataclass, field

import tomli_w

from appliance.errors import SavedStateError, SettingsError
from appliance.files import UNREADABLE, write_atomically
from appliance.name.providers import BY_KEY, TOKEN, Provider
from appliance.paths import Paths
from appliance.text import text

# inadyn 2.11, include/ddns.h: USERNAME_LEN and PASSWORD_LEN less the final zero. Bytes.
LONGEST_USER = 127
LONGEST_SECRET = 255
# The page writes, the name service's group reads.
MODE = 0o640
BANNER = "# Written by the setup page. For the name service only.\n"
NOT_SAVED = text("Nothing was saved.")


@dataclass(frozen=True, slots=True)
class Account:
    """An account with a provider.

    Args:
        provider: the provider's key; a password is never sent to another one.
        user: the user name; empty where the provider wants none.
        secret: the password or token.
        revision: new with each save, so that the page knows which account a status is about.
    """

    provider: str
    user: str = field(repr=False)
    secret: str = field(repr=False)
    revision: str = ""


def checked(provider: Provider, user: str, secret: str) -> Account:
    """What somebody typed, settled.

    Raises:
        SettingsError: something is missing, too long or cannot be right; the message never repeats the secret.
    """
    user, secret = user.strip(), secret.strip()
    if provider.user_label is None:
        user = ""
    elif not user and provider.plugin:
        raise SettingsError(text("The user name is missing."), NOT_SAVED, text("Enter it and save again."))
    if not secret:
        raise SettingsError(text("The password (or token) is missing."), NOT_SAVED, text("Enter it and save again."))
    if len(user.encode()) > LONGEST_USER or len(secret.encode()) > LONGEST_SECRET:
        raise SettingsError(
            text("The user name or password is too long."), NOT_SAVED, text("Copy it again from the provider's page.")
        )
    if not (user + secret).isprintable():
        raise SettingsError(
            text("The user name or password holds a character that cannot be typed."),
            NOT_SAVED,
            text("Copy it again from the provider's page."),
        )
    if provider.token and not TOKEN.fullmatch(secret):
        raise SettingsError(
            text("That is not a token: a token has only letters, digits and dashes."),
            NOT_SAVED,
            text("Copy it again from the provider's page."),
        )
    return Account(provider.key, user, secret)


def save(paths: Paths, provider: str, user: str, secret: str) -> str:
    """Save an account from the page.

    Args:
        paths: where the files are.
        provider: the provider's key.
        user: as it was typed.
        secret: as it was typed.

    Returns:
        the revision, by which ``appliance.status.name.NameStatus`` says that it is about this account.

    Raises:
        SettingsError: it cannot be right; nothing was written.
        OSError: the card is full or failing; the former account is untouched.
    """
    found = checked(BY_KEY[provider], user, secret)
    revision = os.urandom(8).hex()
    tree = {"provider": found.provider, "user": found.user, "secret": found.secret, "revision": revision}
    file = paths.name_account
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(file, (BANNER + tomli_w.dumps(tree)).encode(), mode=MODE)
    return revision


def load(paths: Paths) -> Account | None:
    """The saved account, or None when there is none.

    Raises:
        SavedStateError: the file is damaged or may not be read.
    """
    try:
        raw = tomllib.loads(paths.name_account.read_text("utf-8"))
        words = [raw[name] for name in ("provider", "user", "secret", "revision")]
        if not all(isinstance(word, str) for word in words):
            raise TypeError
        account = Account(*words)
        checked(BY_KEY[account.provider], account.user, account.secret)
    except FileNotFoundError:
        return None
    except UNREADABLE:
        # The reason could quote the file.
        raise SavedStateError(
            text("The saved password of your name cannot be read."),
            text("Your name does not follow your address."),
            text("Enter the password again on the setup page."),
        ) from None
    return account


def forget(paths: Paths) -> None:
    """Delete the account.

    Raises:
        OSError: the card is failing.
    """
    paths.name_account.unlink(missing_ok=True)
