"""Sentences in status files: with their template and values, so that the reader can still say them in any language."""

from typing import Any

from appliance.text import Text, text


def packed(sentence: str) -> list[Any]:
    """A sentence as it goes into JSON: template, values; a value may be a sentence itself."""
    if not isinstance(sentence, Text):
        return [str(sentence)]
    values = {
        name: packed(value) if isinstance(value, Text) else value if isinstance(value, int | float) else str(value)
        for name, value in sentence.values.items()
    }
    return [sentence.template, values]


def unpacked(raw: Any) -> Text:
    """The sentence again.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: this is no packed sentence.
    """
    template, *rest = raw
    if not isinstance(template, str):
        raise TypeError(template)
    values = {name: unpacked(value) if isinstance(value, list) else value for name, value in dict(*rest).items()}
    return text(template, **values)
