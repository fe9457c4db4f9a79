"""What the relay may use: speed, data in a month, connections; with suggestions from the owner's upload."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from appliance.errors import SettingsError
from appliance.page.porch import porch
from appliance.page.saving import Refused, saved
from appliance.settings import load
from appliance.settings.declared import RelaySettings
from appliance.text import text

pages = Blueprint("limits", __name__)

# Bytes a second in one Mbit/s, bytes in one GB.
MBIT = 125_000
GB = 10**9
# Half of the upload is left to the family: a call at home needs 1 to 4 Mbit/s, and most homes have 10 or more.
SHARE_OF_UPLOAD = 0.5
# Bytes a second that one connection takes on average while people chat and send pictures; calls take more, idle apps
# next to nothing. A limit of connections only keeps a crowd from making it slow for everybody.
TAKEN_BY_ONE = 2_000
FEWEST, MOST = 200, 20_000
# A relay is busy in the evening and idle at night: over a month about a third of what the speed would allow.
BUSY = 1 / 3
MONTH = 30 * 86_400  # seconds

# The decimal separator of Arabic and Persian numbers.
ARABIC_POINT = "\N{ARABIC DECIMAL SEPARATOR}"

FIELDS = ("relay.rate_limit", "relay.monthly_quota", "relay.max_connections")
WORDS = {
    "relay.rate_limit": text("The speed must be a number of Mbit/s, such as 10, or empty for no limit."),
    "relay.monthly_quota": text("The data must be a number of GB, such as 200, or empty for no limit."),
    "relay.max_connections": text("The connections must be a whole number, such as 500, or empty for no limit."),
    "upload": text("The upload must be a number of Mbit/s, such as 20."),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What suits an upload.

    Args:
        speed: Mbit/s.
        connections: at the same time.
        data: about how many GB that comes to in a month at most.
    """

    speed: float
    connections: int
    data: int


def suggested(upload: float) -> Suggestion:
    """What a relay may take of an upload without the family noticing. No input or output here.

    Args:
        upload: Mbit/s.
    """
    speed = max(0.5, round(upload * SHARE_OF_UPLOAD, 1))
    connections = int(min(MOST, max(FEWEST, speed * MBIT / TAKEN_BY_ONE)) // 100 * 100)
    # Each relayed byte counts twice with a provider that counts both directions.
    return Suggestion(speed, connections, round(speed * MBIT * MONTH * BUSY * 2 / GB))


@pages.route("/settings/limits", methods=["GET", "POST"])
def limits() -> ResponseReturnValue:
    """The form; with an upload in the address, suggestions stand in it."""
    loaded = load(porch().paths)
    fixed = frozenset(name for name in FIELDS if name in loaded.fixed)
    typed = _shown(loaded.settings.relay)
    refused: Refused | None = None
    suggestion = None
    if request.method == "POST":
        typed |= {name: request.form.get(name, "").strip() for name in FIELDS if name not in fixed}
        refused = _save({name: value for name, value in typed.items() if name not in fixed})
        if refused is None:
            flash(gettext("Saved."))
            return redirect(url_for("preferences.index"), 303)
    elif upload := request.args.get("upload", "").strip():
        try:
            suggestion = suggested(_number(upload, 0.1, 100_000))
        except ValueError:
            refused = Refused(SettingsError(WORDS["upload"]), 422)
        else:
            typed["relay.rate_limit"] = f"{suggestion.speed:g}"
            typed["relay.max_connections"] = str(suggestion.connections)
    error, status = (refused.error, refused.status) if refused else (None, 200)
    shown = {"typed": typed, "fixed": fixed, "error": error, "suggestion": suggestion}
    return render_template("limits.html", upload=request.args.get("upload", ""), **shown), status


def _shown(relay: RelaySettings) -> dict[str, str]:
    return {
        "relay.rate_limit": f"{relay.rate_limit / MBIT:g}" if relay.rate_limit else "",
        "relay.monthly_quota": f"{relay.monthly_quota / GB:g}" if relay.monthly_quota else "",
        "relay.max_connections": str(relay.max_connections or ""),
    }


def _save(typed: Mapping[str, str]) -> Refused | None:
    changes: dict[str, Any] = {}
    for name, value in typed.items():
        try:
            number = _number(value, 0, 10**8) if value else 0.0
        except ValueError:
            return Refused(SettingsError(WORDS[name], text("Nothing was saved.")), 422)
        changes[name] = round(number * {"relay.rate_limit": MBIT, "relay.monthly_quota": GB}.get(name, 1))
    return saved(changes, WORDS)


def _number(typed: str, least: float, most: float) -> float:
    """A number as people of any country write it: a comma or a point, and any script's digits.

    Raises:
        ValueError: it is none, or out of bounds.
    """
    number = float(typed.replace(",", ".").replace(ARABIC_POINT, "."))
    if not least <= number <= most:
        raise ValueError(typed)
    return number
