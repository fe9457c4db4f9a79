"""All settings as one file, a report for maintainers, and forgetting everything."""

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from appliance import report as reports
from appliance import reset as resets
from appliance.errors import PorchlightError, SettingsError
from appliance.health.registry import CHECKS
from appliance.page.guard import forget
from appliance.page.owner import read_record
from appliance.page.porch import porch
from appliance.page.saving import CARD_FAILED
from appliance.page.signing_in import WRONG, password_is_right
from appliance.settings import backup as backups
from appliance.text import text

pages = Blueprint("keeping", __name__)

FILE = "porchlight-backup.toml"
REPORT = "porchlight-report.json"
KNOWN = frozenset(one.id for one in CHECKS)
NO_FILE = SettingsError(text("No file was chosen."), text("Nothing was changed."), text("Choose one, then try again."))


@pages.get("/settings/backup")
def backup() -> ResponseReturnValue:
    """Both forms."""
    return render_template("backup.html", error=None)


@pages.post("/settings/backup/save")
def save() -> ResponseReturnValue:
    """The file, to be downloaded."""
    content = backups.make(porch().paths, with_account=request.form.get("account") == "yes")
    named = {"Content-Disposition": f'attachment; filename="{FILE}"'}
    return Response(content, mimetype="application/toml", headers=named)


@pages.post("/settings/backup/restore")
def restore() -> ResponseReturnValue:
    """Bring a file's settings back."""
    brought = request.files.get("file")
    content = brought.read() if brought else b""
    try:
        if not content:
            raise NO_FILE
        backups.restore(porch().paths, backups.read(porch().paths, content))
    except PorchlightError as error:
        return render_template("backup.html", error=error), 422
    except OSError:
        return render_template("backup.html", error=CARD_FAILED), 507
    flash(gettext("The settings are back."))
    return redirect(url_for("preferences.index"), 303)


@pages.get("/settings/report")
def report() -> ResponseReturnValue:
    """What maintainers get to see, before anybody sends it."""
    return render_template("report.html", report=_report())


@pages.post("/settings/report")
def save_report() -> ResponseReturnValue:
    """The same as a file."""
    named = {"Content-Disposition": f'attachment; filename="{REPORT}"'}
    return Response(_report(), mimetype="application/json", headers=named)


def _report() -> str:
    now = porch().watch.situation(anew=True)
    found = reports.collect(porch().paths, now.state, [one.id for one in now.problems], KNOWN)
    return reports.as_text(found)


@pages.route("/settings/forget", methods=["GET", "POST"])
def reset() -> ResponseReturnValue:
    """Forget everything, for whoever knows the password."""
    if request.method != "POST":
        return render_template("reset.html", error=None)
    record = read_record(porch().paths)
    if record is None:
        abort(400)
    if not password_is_right(record, request.form.get("password", "")):
        return render_template("reset.html", error=WRONG), 422
    try:
        resets.ask(porch().paths)
    except OSError:
        return render_template("reset.html", error=CARD_FAILED), 507
    forget()
    return render_template("forgotten.html", bare=True)
