"""Sentences that can be said in the volunteer's language.

A sentence is written in English where it arises, and remembers how it was made: its template and its values. Whoever
shows it looks the template up in a catalogue (``appliance/page/translations/``) and fills it in again. As a ``str`` it
is the English sentence, so that log, console and ``porchlight check`` need no catalogue.

``pybabel`` finds the templates by the names ``text`` and ``_`` (docs/translating.md).
"""

from collections.abc import Callable, Mapping
from typing import Any


class Text(str):
    """One sentence, in English, with what it takes to say it in another language.

    Args:
        template: the English sentence, with ``%(name)s`` where values go; ``%%`` for a percent sign, if there are any.
        values: what goes there; a value that is a Text itself is translated too.
    """

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, values: Mapping[str, object] | None = None) -> "Text":
        """Make the English sentence and keep its parts."""
        made = super().__new__(cls, template % values if values else template)
        made.template = template
        made.values = values or {}
        return made

    def __reduce__(self) -> tuple[type["Text"], tuple[str, Mapping[str, object]]]:
        # Copies (dataclasses.asdict makes them) stay translatable.
        return Text, (self.template, self.values)


def text(template: str, /, **values: object) -> Text:
    """Write a sentence: ``text("Port %(port)s is in use.", port=443)``."""
    return Text(template, values)


def together(*sentences: str) -> Text:
    """Sentences one after the other as one, each of which can still be said in any language; empty ones count not."""
    parts = {f"part{number}": one for number, one in enumerate(sentences) if one}
    if len(parts) == 1:
        (one,) = parts.values()
        return one if isinstance(one, Text) else Text(one)
    return Text(" ".join(f"%({name})s" for name in parts), parts)


def translated(sentence: str, lookup: Callable[[str], str]) -> str:
    """A sentence in another language.

    Args:
        sentence: a Text, or any other string, which is looked up as it stands.
        lookup: from an English template to that of the language; returns the English one when it has none.
    """
    if not isinstance(sentence, Text):
        return lookup(sentence) if sentence else sentence
    template = lookup(sentence.template)
    if not sentence.values:
        return template
    return template % {
        name: translated(value, lookup) if isinstance(value, Text) else value for name, value in sentence.values.items()
    }


def packed(value: Any) -> Any:
    """Plain data for a file through which one process speaks to another: sentences keep their parts.

    Args:
        value: as ``json.dumps`` takes it, with Texts anywhere in it.
    """
    if isinstance(value, Text):
        # Without values it is looked up as it stands; only as a value of another one it must be known for a sentence.
        return _parts(value) if value.values else str(value)
    if isinstance(value, Mapping):
        return {name: packed(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [packed(one) for one in value]
    return value


def _parts(sentence: Text) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, one in sentence.values.items():
        # A path, an error, an address: in a sentence it is its text anyway.
        values[name] = _parts(one) if isinstance(one, Text) else one if isinstance(one, int | float) else str(one)
    return {"text": sentence.template, "values": values}


def unpacked(value: Any) -> Any:
    """The same on the reader's side, with the sentences as Texts again.

    Raises:
        TypeError, ValueError, KeyError, AttributeError: the file is damaged, or its template and values do not fit.
    """
    if isinstance(value, list):
        return [unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"text", "values"}:
        return Text(value["text"], {name: unpacked(one) for name, one in value["values"].items()})
    return {name: unpacked(one) for name, one in value.items()}
