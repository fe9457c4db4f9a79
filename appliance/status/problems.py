"""Everything that is wrong at this moment, as one list: the page, ``/status.json`` and ``porchlight check`` show it."""

from appliance.paths import Paths
from appliance.settings.problem import Problem
from appliance.status import lights
from appliance.status.gather import Situation
from appliance.status.lights import LightsStatus
from appliance.status.relay import RelayStatus
from appliance.status.state import State

DATA_LOST = Problem(
    "The card's memory for settings was damaged and had to be made anew.",
    "What was saved on this page, the password included, is gone; the relay itself is not affected.",
    "Set up porchlight once more. If this happens again, use another card.",
)


def problems_now(paths: Paths, situation: Situation) -> tuple[Problem, ...]:
    """Collect what is wrong.

    Args:
        paths: where this instance keeps its files.
        situation: the verdict and what it rests on.
    """
    shown = lights.read(paths.lights_status, situation.facts.now)
    lost = (DATA_LOST,) if paths.data_lost_note.exists() else ()
    relay = situation.facts.relay if situation.state is not State.STOPPED else None
    return (*lost, *situation.facts.problems, *of_relay(relay), *of_lights(shown))


def of_relay(relay: RelayStatus | None) -> tuple[Problem, ...]:
    """What the relay says is wrong with its ports and with the way to WhatsApp."""
    if relay is None:
        return ()
    ports = [
        Problem(
            one.trouble,
            f"Until then, people who were told to use port {one.port} cannot connect.",
            "Stop the other program, or choose another port in porchlight.toml on the card.",
        )
        for one in relay.ports
        if one.trouble
    ]
    chat = relay.upstreams.get("chat")
    media = relay.upstreams.get("media")
    found = []
    if chat and chat.trouble:
        found.append(Problem(chat.trouble, "Messages cannot be passed on.", "Wait: porchlight keeps trying."))
    if media and media.trouble:
        found.append(
            Problem(
                media.trouble,
                "Messages may work, but pictures, voice messages and calls do not.",
                "Wait: porchlight keeps trying.",
            )
        )
    http = relay.upstreams.get("http")
    if http and http.trouble and not (chat and chat.trouble):
        found.append(Problem(http.trouble, "Only people who use port 80 notice it.", "Wait: porchlight keeps trying."))
    return (*ports, *found, *relay.problems)


def of_lights(shown: LightsStatus | None) -> tuple[Problem, ...]:
    """What is wrong with the lights themselves."""
    if shown is None or not shown.trouble:
        return ()
    return (
        Problem(
            shown.trouble,
            "The relay is not affected; only the lights cannot be trusted.",
            "Check the wires of the lights, or turn the lights off in porchlight.toml.",
        ),
    )
