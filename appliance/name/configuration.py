"""What inadyn is told: its configuration, made from the settings and the account (inadyn.conf(5), 2.10 and later).

Pure. The text holds the password: it belongs into a file that nobody else reads, and into no message.
"""

from urllib.parse import urlsplit

from appliance.errors import SettingsError
from appliance.name.account import Account
from appliance.name.providers import CUSTOM, TOKEN, Provider, Update
from appliance.text import text

# Seconds between two looks at the outer address. With the provider's own time to live of about a minute, the name is
# right within two minutes of a change.
PERIOD = 60
# inadyn 2.11, include/ddns.h: SERVER_NAME_LEN and SERVER_URL_LEN less the final zero. Bytes.
LONGEST = 255


def render(provider: Provider, host: str, account: Account, *, update_url: str = "", check_ip: str = "") -> str:
    """The configuration of one name.

    Args:
        provider: who gives the name.
        host: the name.
        account: user name and password there.
        update_url: how to tell an address to a provider that the table does not know (``custom``).
        check_ip: a web page that says the outer address; empty for the provider's or inadyn's own.

    Raises:
        SettingsError: these do not go together; the message holds no password.
    """
    update = provider.update
    if provider.key == CUSTOM:
        if not update_url:
            raise SettingsError(
                text("The update address of your provider is missing."),
                text("Your name does not follow your address."),
                text("Enter it on the setup page."),
            )
        update = Update(update_url)
    usernames = {"user": account.user, "secret": account.secret, "host": host}
    lines = [
        f"username = {quoted(usernames[provider.username])}",
        f"password = {quoted(account.secret)}",
        f"hostname = {quoted(host)}",
    ]
    if update:
        lines += _update(update, account)
    if check_ip := check_ip or provider.check_ip:
        server, path, safe = split(check_ip)
        lines += [f"checkip-server = {quoted(server)}", f"checkip-path = {quoted(path)}", f"checkip-ssl = {safe}"]
    section = "custom porchlight" if update else f"provider {provider.plugin}"
    body = "".join(f"    {line}\n" for line in lines)
    return f"period = {PERIOD}\n{section} {{\n{body}}}\n"


def _update(update: Update, account: Account) -> list[str]:
    server, path, safe = split(update.url)
    for sign, word in (("%u", account.user), ("%p", account.secret)):
        # inadyn puts these into the address as they are.
        if sign in path and not TOKEN.fullmatch(word):
            raise SettingsError(
                text(
                    "The update address has %(sign)s in it, which works only for letters, digits and dashes.", sign=sign
                ),
                text("Your name does not follow your address."),
                text("Leave %(sign)s out: user name and password are sent beside the address anyway.", sign=sign),
            )
    lines = [f"ssl = {safe}", f"ddns-server = {quoted(server)}", f"ddns-path = {quoted(path)}"]
    if update.answers:
        lines.append(f"ddns-response = {{ {', '.join(quoted(one) for one in update.answers)} }}")
    return lines


def split(url: str) -> tuple[str, str, str]:
    """Server (with its port, if it has one), path, and ``true`` for HTTPS: the three that inadyn wants.

    Raises:
        SettingsError: a part is too long for inadyn.
    """
    parts = urlsplit(url)
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    if len(parts.netloc) > LONGEST or len(path) > LONGEST:
        raise SettingsError(
            text("The update address is too long."),
            text("Your name does not follow your address."),
            text("Use a shorter one."),
        )
    return parts.netloc, path, "true" if parts.scheme == "https" else "false"


def quoted(word: str) -> str:
    """A string of libConfuse in single quotes, where it expands no variables (its lexer.l).

    Raises:
        ValueError: the word has a line break or another control character, which could start a line of its own.
    """
    if any(ord(one) < 32 or ord(one) == 127 for one in word):
        raise ValueError("a control character")
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
