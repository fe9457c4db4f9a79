"""The start page: how porchlight is doing, in plain words."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from appliance.lights.language import PATTERNS, WORDS
from appliance.page.porch import porch
from appliance.page.share import share_link
from appliance.status import lights
from appliance.status.words import data_used, people

pages = Blueprint("front", __name__)

CARRIES = {
    "chat-tls": "messages, protected once more",
    "chat": "messages",
    "media": "pictures, voice messages, calls",
    "balancer": "from your own load balancer",
}


@pages.get("/")
def home() -> ResponseReturnValue:
    """State, problems, people, and the way to the link."""
    paths = porch().paths
    now = porch().watch.situation(anew=True)
    settings = now.loaded.settings
    return render_template(
        "home.html",
        state=now.state,
        words=WORDS[now.state],
        people=people(now.facts.relay),
        problems=now.problems,
        relay=now.facts.relay,
        quota=data_used(now.facts.relay.quota) if now.facts.relay and now.facts.relay.quota else "",
        carries=CARRIES,
        shown=lights.read(paths.lights_status, now.facts.now),
        looks=PATTERNS[now.state].looks,
        lights_on=settings.lights.enabled,
        domain=settings.share.domain,
        link=share_link(settings.share) if settings.share.domain else "",
        numeric=[f"http://{one}:{porch().port}/" for one in now.home.addresses if one.version == 4],
    )
