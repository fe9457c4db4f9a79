"""The kinds of value that a setting can have: each reads one TOML value or says in plain words why not.

Every service reads the settings, and would keep for months what is loaded with this. So what only a rare value or a
mistake needs (time zones, similar words) is loaded when there is one.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from appliance.wifi import rules as wifi

# A claim code: long enough that five guesses a minute lead nowhere, short enough for one line on a screen. Characters.
SHORTEST_CODE = 8
LONGEST_CODE = 64
LONGEST_WORD = 64
# RFC 1035, section 2.3.4, as text. Characters.
LONGEST_NAME = 253
# An amount of data in the decimal units of contracts. The most is what a number of 64 bits holds, in bytes.
UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
AMOUNT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([MGT]B)", re.ASCII | re.IGNORECASE)
LEAST_DATA, MOST_DATA = 10**6, 2**63 - 1
# The languages of the setup page, as Babel names them; English first, the others by their share of volunteers.
LANGUAGES = ("en", "fr", "es", "pt", "de", "ar", "fa", "ru", "uk", "tr", "zh_Hans", "my")
# As much as a certificate authority's form would check; whether it exists only a letter can tell.
EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[a-zA-Z0-9.-]{1,190}", re.ASCII)
TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
HOST_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    Args:
        words: what is allowed, to be read after "must be".
        read: returns the value in its settled form, or raises ValueError whose text goes on after the setting's name.
        secret: whether services that do not need such a setting must not be able to read it (``secrets.py``).
    """

    words: str
    read: Callable[[Any], Any]
    secret: bool = False


def secret(kind: Kind) -> Kind:
    """The same kind, for a setting that is a secret."""
    return replace(kind, secret=True)


def _whole_number(value: Any, least: int, most: int, words: str) -> int:
    # bool is an int in Python, and "workers = true" is a mistake.
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"must be {words}, not {show(value)}")
    return value


def show(value: object) -> str:
    """A value as the owner wrote it, short enough for one line of a message."""
    try:
        text = repr(value) if not isinstance(value, bool) else str(value).lower()
    except (ValueError, RecursionError):
        # More digits than Python writes, or tables within tables without end.
        return "that"
    return text if len(text) <= 60 else text[:57] + "..."


def whole_number(least: int, most: int, words: str) -> Kind:
    """A whole number between two limits, both included."""
    return Kind(words, lambda value: _whole_number(value, least, most, words))


def seconds(least: float, most: float) -> Kind:
    """A time in seconds, whole or with a fraction."""
    words = f"a number of seconds from {least:g} to {most:g}"

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"must be {words}, not {show(value)}")
        return float(value)

    return Kind(words, read)


def _data(value: Any) -> int:
    words = 'an amount of data such as "200 GB" or "1.5 TB", or 0 for none'
    found = value
    if isinstance(value, str) and (match := AMOUNT.fullmatch(value.strip())):
        unit = UNITS[match[2].upper()]
        whole_units, _, millionths = match[1].partition(".")
        found = int(whole_units) * unit + int(millionths.ljust(6, "0")) * unit // 10**6
    whole = isinstance(found, int) and not isinstance(found, bool)
    # A number alone is meant as gigabytes more often than as bytes: then it must not pass for a few hundred bytes.
    if not whole or not (found == 0 or LEAST_DATA <= found <= MOST_DATA):
        raise ValueError(f"must be {words}, not {show(value)}")
    return int(found)


def choice(*allowed: str) -> Kind:
    """One of a few words."""
    words = " or ".join(f'"{one}"' for one in allowed)

    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"must be {words}, not {show(value)}")
        return str(value)

    return Kind(words, read)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {show(value)}")
    return value


def _list(value: Any, words: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"must be {words}, not {show(value)}")
    return value


def _ports(value: Any) -> tuple[int, ...]:
    words = "a list of port numbers, such as [5222, 80]"
    ports = [_whole_number(one, 1, 65535, "a list of port numbers from 1 to 65535") for one in _list(value, words)]
    if len(set(ports)) != len(ports):
        raise ValueError(f"names a port twice: {show(ports)}")
    return tuple(ports)


def _addresses(value: Any) -> tuple[str, ...]:
    words = 'a list of this device\'s addresses, such as ["0.0.0.0", "::"]'
    found = []
    for one in _list(value, words):
        try:
            found.append(str(ipaddress.ip_address(one if isinstance(one, str) else "")))
        except ValueError:
            raise ValueError(f"must be {words}; {show(one)} is not an address") from None
    return tuple(found)


def split_host_port(text: str) -> tuple[str, int]:
    """Split ``"host:port"`` or ``"[2001:db8::1]:port"``.

    Raises:
        ValueError: there is no host, no port, or the port is no number from 1 to 65535.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    elif ":" in host:
        raise ValueError(f"{show(text)}: an IPv6 address needs brackets, such as [2001:db8::1]:5222")
    if not colon or not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise ValueError(f'{show(text)} is not "host:port"')
    return host, int(port)


def _servers(value: Any, words: str) -> tuple[str, ...]:
    found = _list(value, words)
    for one in found:
        if not isinstance(one, str):
            raise ValueError(f"must be {words}, not {show(value)}")
        try:
            host, _port = split_host_port(one)
            if ":" not in host:
                read_domain(host)
        except ValueError as error:
            raise ValueError(f"must be {words}; {error}") from None
    return tuple(found)


def _upstreams(value: Any) -> tuple[str, ...]:
    words = 'a list such as ["g.whatsapp.net:5222"]'
    found = _servers(value, words)
    if not found:
        raise ValueError(f"must be {words} with at least one entry")
    return found


def read_domain(value: Any) -> str:
    """A host name or address, lower case and in ASCII (IDNA), or an empty text for none.

    Raises:
        ValueError: the text is no host name; it goes on after the setting's name.
    """
    if not isinstance(value, str):
        raise ValueError(f'must be a name such as "relay.example.org", not {show(value)}')
    name = value.strip().rstrip(".").lower()
    if name == "":
        return ""
    if "://" in name or "/" in name:
        raise ValueError(f"must be bare, such as relay.example.org, without http:// or slashes, not {show(value)}")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    if len(name) > LONGEST_NAME:
        # IDNA takes its time, and makes nothing shorter.
        raise ValueError(f"must be a name such as relay.example.org, not {show(value)}")
    try:
        name = name.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"must be a name such as relay.example.org, not {show(value)}") from None
    if len(name) > LONGEST_NAME or not all(HOST_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(f"must be a name such as relay.example.org, not {show(value)}")
    return name


def bare_code(text: str) -> str:
    """A claim code as it is compared: how it was typed on a phone (case, spaces, dashes) does not count."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in folded if not one.isspace() and unicodedata.category(one) != "Pd")


def _claim_code(value: Any) -> str:
    # The value stays out of the message, which stands on screens and in the log too.
    if not isinstance(value, str) or (value and not SHORTEST_CODE <= len(bare_code(value)) <= LONGEST_CODE):
        raise ValueError(f"must be a text of {SHORTEST_CODE} to {LONGEST_CODE} letters and digits, or empty")
    return value.strip()


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_WORD:
        raise ValueError(f"must be a text of at most {LONGEST_WORD} characters, not {show(value)}")
    return value.strip()


def _folder(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f'must be the name of a folder such as "website", not {show(value)}')
    return value.strip()


def _https_address(value: Any) -> str:
    words = "a web address that begins with https://, or empty"
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"must be {words}, not {show(value)}")
    found = value.strip()
    try:
        parts = urlsplit(found)
        whole = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        whole = False
    if found and not whole:
        raise ValueError(f"must be {words}, not {show(value)}")
    return found


def one_of(allowed: Collection[str], words: str) -> Kind:
    """One of many words, or none; ``words`` says where they stand."""

    def read(value: Any) -> str:
        word = value.strip().lower() if isinstance(value, str) else None
        if word == "" or word in allowed:
            return str(word)
        from difflib import get_close_matches

        close = get_close_matches(word or "", allowed, n=1)
        raise ValueError(f"must be {words}, not {show(value)}{f' (did you mean {close[0]}?)' if close else ''}")

    return Kind(words, read)


def web_address(*, secret: bool) -> Kind:
    """A web address, or an empty text.

    Args:
        secret: whether a password is sent there: then only by HTTPS, or to a server at home.
    """
    words = 'a web address such as "https://example.org/update", or empty'

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"must be {words}, not {show(value)}")
        found = value.strip()
        if not found:
            return ""
        try:
            parts = urlsplit(found)
            host, _port = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError(f"must be {words}, not {show(value)}") from None
        # No password in it: everybody at home may read the settings.
        if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or not found.isprintable():
            raise ValueError(f"must be {words}, not {show(value)}")
        if secret and parts.scheme == "http" and not _at_home(host):
            raise ValueError("must begin with https://, so that nobody on the way reads the password")
        return found

    return Kind(words, read)


def _at_home(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _email(value: Any) -> str:
    words = "an e-mail address, or empty"
    found = value.strip() if isinstance(value, str) else None
    if found is None or (found and not EMAIL.fullmatch(found)):
        raise ValueError(f"must be {words}, not {show(value)}")
    return found


def _time_of_day(value: Any) -> str:
    found = TIME_OF_DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'must be a time of day such as "22:00", not {show(value)}')
    return f"{int(found[1]):02}:{found[2]}"


def _time_zone(value: Any) -> str:
    name = value.strip() if isinstance(value, str) else None
    if name == "":
        return ""
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name or "").key
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError(f'must be the name of a time zone such as "Europe/Vienna", not {show(value)}') from None


def _gpio(value: Any) -> int:
    # 0 and 1 belong to the identification chip of add-on boards, so 0 is free to mean "none".
    words = "a GPIO number from 2 to 27, or 0"
    found = _whole_number(value, 0, 27, words)
    if found == 1:
        raise ValueError(f"must be {words}, not 1")
    return found


flag = Kind("true or false", _flag)
port = whole_number(1, 65535, "a port number from 1 to 65535")
port_or_off = whole_number(0, 65535, "a port number from 1 to 65535, or 0 for none")
ports = Kind("a list of port numbers", _ports)
data = Kind('an amount of data such as "200 GB", or 0 for none', _data)
addresses = Kind("a list of this device's addresses", _addresses)
upstreams = Kind('a list of "host:port"', _upstreams)
servers = Kind('a list of "host:port"', lambda value: _servers(value, 'a list such as ["stun.example.org:3478"]'))
domain = Kind("a host name", read_domain)
claim_code = Kind("a text of at least 8 characters, or empty", _claim_code)
language = choice("", *LANGUAGES)
word = Kind("a word, or empty", _word)
email = Kind("an e-mail address, or empty", _email)
folder = Kind("the name of a folder, or empty", _folder)
https_address = Kind("a web address that begins with https://, or empty", _https_address)
time_of_day = Kind('a time of day such as "22:00"', _time_of_day)
time_zone = Kind('the name of a time zone such as "Europe/Vienna", or empty', _time_zone)
gpio = Kind("a GPIO number from 2 to 27, or 0", _gpio)
country = Kind("the two letters of a country, or empty", wifi.read_country)
wifi_name = Kind("the name of a Wi-Fi network, or empty", wifi.read_name)
wifi_password = Kind("a Wi-Fi password, or empty", wifi.read_password)
