"""A free name (dynamic DNS): the provider, its account, and what it says to it."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from appliance.clock import since_boot
from appliance.errors import SavedStateError, SettingsError
from appliance.name import account
from appliance.name.account import Account
from appliance.name.outcome import NameState
from appliance.name.providers import BY_KEY, CUSTOM, FIRST, OTHERS, Provider
from appliance.page.naming import NOT_A_NAME, is_address
from appliance.page.porch import porch
from appliance.page.progress import progress
from appliance.page.saving import CARD_FAILED, Refused, saved
from appliance.settings import load
from appliance.status import name
from appliance.text import text

pages = Blueprint("dynamic", __name__)

NO_WEB_ADDRESS = text("That is no web address. It must begin with https://.")


@pages.get("/name/free")
def choose() -> ResponseReturnValue:
    """The providers; with one in the address, what to do there and what to enter."""
    provider = BY_KEY.get(request.args.get("with", ""))
    if provider is None:
        return render_template("name_free.html", first=FIRST, others=OTHERS, done=progress().done)
    return _form(provider, None)


@pages.post("/name/free")
def save() -> ResponseReturnValue:
    """Keep the account and let the name service try it at once."""
    provider = BY_KEY.get(request.form.get("with", ""))
    if provider is None:
        return redirect(url_for("dynamic.choose"), 303)
    refused = _save(provider)
    if refused:
        return _form(provider, refused)
    return redirect(f"{url_for('dynamic.choose')}?{urlencode({'with': provider.key})}", 303)


def _save(provider: Provider) -> Refused | None:
    domain = request.form.get("domain", "").strip()
    if not domain or is_address(domain):
        return Refused(SettingsError(NOT_A_NAME, text("Nothing was saved.")), 422)
    try:
        account.checked(provider, request.form.get("user", ""), request.form.get("secret", ""))
        changes = {"share.domain": domain, "name.provider": provider.key, "name.hostname": ""}
        if provider.key == CUSTOM:
            changes["name.update_url"] = request.form.get("update_url", "")
        refused = saved(changes, {"share.domain": NOT_A_NAME, "name.update_url": NO_WEB_ADDRESS})
        if refused is None:
            account.save(porch().paths, provider.key, request.form.get("user", ""), request.form.get("secret", ""))
    except SettingsError as error:
        return Refused(error, 422)
    except OSError:
        return Refused(CARD_FAILED, 507)
    return refused


def _account(provider: Provider) -> Account | None:
    """What was saved for this provider; a damaged file is for the problems' list, and for saving anew."""
    try:
        found = account.load(porch().paths)
    except SavedStateError:
        return None
    return found if found and found.provider == provider.key else None


def _form(provider: Provider, refused: Refused | None) -> ResponseReturnValue:
    settings = load(porch().paths).settings
    domain = settings.share.domain
    mine = _account(provider)
    status = name.read(porch().paths.name_status, since_boot())
    shown: dict[str, Any] = {
        "provider": provider,
        "typed": request.form.get("domain", "" if is_address(domain) else domain),
        "user": request.form.get("user", mine.user if mine else ""),
        "update_url": request.form.get("update_url", settings.name.update_url) if provider.key == CUSTOM else None,
        "status": status if status and mine and status.revision == mine.revision else None,
        "trying": mine is not None and not (status and status.tried(mine.revision)),
        "good": bool(status and status.state == NameState.GOOD),
        "done": progress().done,
    }
    error, code = (refused.error, refused.status) if refused else (None, 200)
    return render_template("name_provider.html", error=error, **shown), code
