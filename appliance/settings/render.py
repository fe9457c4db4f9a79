"""The complete commented settings file: what ``porchlight settings`` prints and what a fresh card carries."""

from dataclasses import fields
from typing import Any

from appliance.settings.declared import Settings, is_section

HEAD = """\
# porchlight's settings.
#
# Everything works without touching this file. To change something, remove the "# " before a line,
# change the value, save the file, and put the card back. What stands here wins over the setup page.
# A mistake does no harm: the relay goes on, and the setup page says which line to mend.
"""


def commented_file() -> str:
    """Every setting with its explanation and its default, commented out."""
    return HEAD + "".join(_section(Settings, ""))


def toml_value(value: Any) -> str:
    """One value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "[" + ", ".join(toml_value(one) for one in value) + "]"


def _section(section: type, prefix: str) -> list[str]:
    lines: list[str] = []
    for one in fields(section):
        if is_section(one):
            continue
        lines += [f"\n# {line}" for line in one.metadata["about"].split("\n")]
        lines.append(f"\n# {one.name} = {toml_value(one.default)}\n")
    for one in fields(section):
        if is_section(one):
            dotted = prefix + one.name
            lines.append(f"\n# ---- {one.metadata['about']}\n[{dotted}]\n")
            lines += _section(one.metadata["section"], dotted + ".")
    return lines
