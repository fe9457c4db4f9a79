"""Newer versions: by themselves at a quiet hour, now, or from a file."""

import json
import os
from pathlib import Path
from typing import IO, Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import validate_csrf
from werkzeug.formparser import FormDataParser

from appliance.clock import since_boot
from appliance.files import write_atomically
from appliance.page.keeping import NO_FILE
from appliance.page.languages import say
from appliance.page.porch import porch
from appliance.page.saving import CARD_FAILED, Refused, saved
from appliance.page.server import MORE_TIME
from appliance.settings import load
from appliance.status import update
from appliance.update import LARGEST_BUNDLE

pages = Blueprint("renewing", __name__)

# Bytes of it in memory; the parser takes 64 KiB at a time.
LARGEST_PIECE = 256 * 1024
# Seconds for it, from a phone in the garden.
UPLOAD_TAKES = 900.0
FIELDS = ("update.enabled", "update.hour")


@pages.route("/settings/update", methods=["GET", "POST"])
def updates() -> ResponseReturnValue:
    """How it stands, and when it happens."""
    return _shown()


def _shown(problem: Refused | None = None) -> ResponseReturnValue:
    loaded = load(porch().paths)
    now = loaded.settings.update
    fixed = frozenset(name for name in FIELDS if name in loaded.fixed)
    refused = problem
    if request.method == "POST" and refused is None:
        hour = request.form.get("update.hour", "")
        typed: dict[str, Any] = {"update.enabled": request.form.get("update.enabled") == "yes"}
        # Whatever is no number is refused by the setting itself.
        typed["update.hour"] = int(hour) if hour.isdecimal() and len(hour) <= 2 else hour
        refused = saved({name: value for name, value in typed.items() if name not in fixed})
        if refused is None:
            flash(gettext("Saved."))
            return redirect(url_for("renewing.updates"), 303)
    status = update.read(porch().paths.update_status, since_boot())
    shown = {"enabled": now.enabled, "hour": now.hour, "fixed": fixed, "status": status}
    error, code = (refused.error, refused.status) if refused else (None, 200)
    return render_template("update.html", error=error, **shown), code


@pages.post("/settings/update/now")
def look() -> ResponseReturnValue:
    """Ask for a newer version at once."""
    try:
        _wish({})
    except OSError:
        flash(say(CARD_FAILED.what), "bad")
    else:
        flash(gettext("A new version is looked for now."))
    return redirect(url_for("renewing.updates"), 303)


@pages.post("/settings/update/file")
def bring() -> ResponseReturnValue:
    """Take a bundle; the updater checks it."""
    try:
        validate_csrf(request.args.get("csrf_token"))
    except ValueError:
        abort(400)
    more_time = request.environ.get(MORE_TIME)
    if more_time:
        more_time(UPLOAD_TAKES)
    request.max_content_length = LARGEST_BUNDLE
    try:
        path = _receive(porch().paths.update_upload)
        if path is None:
            return _shown(Refused(NO_FILE, 422))
        _wish({"file": str(path)})
    except OSError:
        return _shown(Refused(CARD_FAILED, 507))
    flash(gettext("The file is being looked at."))
    return redirect(url_for("renewing.updates"), 303)


def _wish(wish: dict[str, str]) -> None:
    """Ask the updater: systemd waits for this file (porchlight-update.path)."""
    path = porch().paths.update_wish
    # On a card it is there, and the updater's too.
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps(wish).encode(), durable=False)


def _receive(target: Path) -> Path | None:
    """Write what comes to the card as it comes: memory has no room for it.

    Returns:
        Where it lies; None when nothing came.

    Raises:
        OSError: the card is full or failing.
    """
    draft = target.with_name(f".{target.name}.new")
    target.parent.mkdir(exist_ok=True)
    draft.unlink(missing_ok=True)

    def stream(
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        # The updater's user can write there too: never through a link of its. It reads what its group may.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        opened = os.open(draft, flags, 0o640)
        os.fchmod(opened, 0o640)
        return os.fdopen(opened, "w+b")

    parser = FormDataParser(stream, max_form_memory_size=LARGEST_PIECE, max_form_parts=4)
    try:
        _, _, files = parser.parse(request.stream, request.mimetype, request.content_length, request.mimetype_params)
        brought = files.get("file")
        if brought is None or not draft.exists() or not draft.stat().st_size:
            return None
        brought.stream.flush()
        os.fsync(brought.stream.fileno())
        brought.close()
        draft.replace(target)
        return target
    finally:
        draft.unlink(missing_ok=True)
