"""Saving what a form changes, with each mistake in the page's own words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.errors import PorchlightError, SettingsError
from appliance.page.porch import porch
from appliance.settings.save import save
from appliance.text import text

CARD_FAILED = SettingsError(
    text("The card could not be written."),
    text("Nothing was saved."),
    text("Try again. If this stays, use another card."),
)
FIXED = SettingsError(
    text("This is fixed by porchlight.toml on the card."),
    text("Nothing was saved."),
    text("Change it there."),
)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing was saved.

    Args:
        error: for the visitor.
        status: the HTTP status that goes with it.
    """

    error: PorchlightError
    status: int


def saved(changes: Mapping[str, Any], words: Mapping[str, str] | None = None) -> Refused | None:
    """Save settings.

    Args:
        changes: dotted names and their new values.
        words: by dotted name, what to say when that value is no good.

    Returns:
        None when all of it was saved, else why nothing was.
    """
    try:
        save(porch().paths, changes)
    except SettingsError as refused:
        for dotted, sentence in (words or {}).items():
            if refused.what.startswith(f"{dotted} must"):
                return Refused(SettingsError(sentence, text("Nothing was saved.")), 422)
        return Refused(FIXED if " is set in porchlight.toml" in refused.what else refused, 422)
    except OSError:
        return Refused(CARD_FAILED, 507)
    return None
