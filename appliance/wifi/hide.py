"""The settings file with the Wi-Fi's key in the place of its password; every other byte stays. No input or output."""

import codecs
import copy
import re
from typing import Any

from appliance.settings.salvage import read_toml
from appliance.wifi.rules import key, read_name, read_password

# As far as a line with a password can be told from any other; whether it is the one, the file's new meaning shows.
LINE = re.compile(
    r"""(?P<before>\s*(?:wifi\s*\.\s*)?password\s*=\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*')(?P<after>\s*(?:\#.*)?)""",
    re.DOTALL,
)
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def hidden(raw: bytes) -> bytes | None:
    """The file to write instead; None when no password stands in it, or none that a key can be made of.

    Args:
        raw: the file's content, from any computer's editor.
    """
    mark, encoding = _encoding(raw)
    try:
        content = raw[len(mark) :].decode(encoding)
        before, unreadable = read_toml(content)
        wifi = before.get("wifi")
        if not isinstance(wifi, dict):
            return None
        name, password = read_name(wifi.get("ssid", "")), read_password(wifi.get("password", ""))
    except (ValueError, KeyError):
        return None
    made = key(name, password)
    if not name or not password or made == password:
        return None
    wanted: dict[str, Any] = copy.deepcopy(before)
    wanted["wifi"]["password"] = made
    lines = content.split("\n")
    for number, line in enumerate(lines):
        if found := LINE.fullmatch(line):
            changed = [*lines[:number], f'{found["before"]}"{made}"{found["after"]}', *lines[number + 1 :]]
            text = "\n".join(changed)
            # Whatever the line looked like: the file must say the same as before but for this one value.
            if read_toml(text) == (wanted, unreadable):
                return mark + text.encode(encoding)
    return None


def _encoding(raw: bytes) -> tuple[bytes, str]:
    """The mark at the beginning and how the rest is written, as ``appliance.settings.load`` takes it."""
    for mark, encoding in MARKS:
        if raw.startswith(mark):
            return mark, encoding
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "latin-1"
    return b"", "utf-8"
