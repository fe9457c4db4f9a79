"""The lights' own process: looks how porchlight is doing, plays the pattern, says what it shows.

One loop without threads. It sleeps until the next thing is due: a step of the pattern, a look at the status, a look at
the button, or a new attempt at pins that could not be had. Steps are reckoned from the moment when the pattern began,
so a late wake-up delays one step and never the rhythm.

What happens to the lights when this process cannot go on (docs/lights.md):

- it is told to end: the pattern for ``stopped``, then dark, and the board's own light as it was before;
- it dies: the kernel closes its character device and turns the pins back into inputs, so they go dark, and the
  service manager hands the board's own light over to the kernel, which plays ``stopped``;
- it hangs: the service manager hears no more from it and kills it.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from appliance.clock import since_boot, told
from appliance.files import write_atomically
from appliance.lights import request
from appliance.lights.button import Button, Hold, Wish
from appliance.lights.fixture import NOTHING, Fixture, Socket
from appliance.lights.guests import Guests
from appliance.lights.request import Ask
from appliance.lights.scenes import (
    ANSWER_LASTS,
    FIND,
    FIND_LASTS,
    HEARD,
    HEARD_LASTS,
    HELD,
    HELD_LONG,
    HELD_TOO_LONG,
    HELD_VERY_LONG,
    Scene,
    answer,
    how_far,
    of_state,
    walk,
)
from appliance.lights.shade import brightness
from appliance.lights.unplug import leave_word
from appliance.paths import Paths
from appliance.settings.declared import LightsSettings
from appliance.status.gather import Situation
from appliance.status.lights import LightsStatus, publish
from appliance.status.state import State
from appliance.text import Text, text, together

# Seconds. With the relay's silence of at most 3.5 s (STALE_AFTER) the lights are right again within four.
LOOK_EVERY = 0.5
# The shortest press of a hand takes 0.08 s, and two equal readings make one. Only where a button is connected.
BUTTON_EVERY = 0.04
# Readers take a status older than ten seconds for none; this leaves room for a busy card.
PUBLISH_EVERY = 2.0
# Long enough to be seen: one long red flash before the lights go dark.
FAREWELL = 1.0

HOLDING = {
    Hold.SHORT: HELD,
    Hold.LONG: HELD_LONG,
    Hold.TOO_LONG: HELD_TOO_LONG,
    Hold.VERY_LONG: HELD_VERY_LONG,
}


class Watching(Protocol):
    """Whatever knows how porchlight is doing: ``appliance.status.gather.Watch``."""

    def situation(self) -> Situation:
        """The verdict now."""


class Lights:
    """The lights of one porchlight.

    Args:
        paths: where the status of the lights goes.
        watch: tells the state; it is asked every ``LOOK_EVERY`` seconds.
        sockets: where there may be something to show things on; a button is read at the first one.
        notify: speaks to the service manager (sd_notify(3)).
        say: takes one line for the log.
        clock: seconds since boot.
        date: seconds since 1970, None while it is not known.
    """

    def __init__(
        self,
        paths: Paths,
        watch: Watching,
        sockets: Sequence[Socket],
        *,
        notify: Callable[[str], object] = lambda message: None,
        say: Callable[[str], object] = lambda line: None,
        clock: Callable[[], float] = since_boot,
        date: Callable[[], float | None] = told,
    ) -> None:
        self._paths, self._watch = paths, watch
        self._notify, self._say, self._clock, self._date = notify, say, clock, date
        self._fixtures = [Fixture(socket, say) for socket in sockets]
        self._settings = LightsSettings()
        self._situation: Situation | None = None
        self._state: State | None = None
        self._scene: Scene | None = None
        self._begun = 0.0
        self._guests = Guests()
        self._button = Button()
        self._holding = Hold.NOTHING_HELD
        self._answered: request.Request | None = None
        self._look_at = self._publish_at = float("-inf")
        self._watch_trouble = NOTHING
        self._published: LightsStatus | None = None
        self._unwritable = False

    def run(self, wait: Callable[[float], bool]) -> None:
        """Show how porchlight is doing until somebody says stop, then say farewell and let go of the pins.

        Args:
            wait: sleeps for that many seconds at most; True when it is time to stop.
        """
        try:
            pause = self._step()
            self._notify("READY=1")
            while not wait(pause):
                pause = self._step()
            self._notify("STOPPING=1")
            self._farewell(wait)
        finally:
            for fixture in self._fixtures:
                fixture.release()

    def _step(self) -> float:
        """Do what is due; returns the seconds until something is due again."""
        now = self._clock()
        if now >= self._look_at:
            self._look()
            self._ask(now)
            self._look_at = now + LOOK_EVERY
            self._notify("WATCHDOG=1")
        for fixture in self._fixtures:
            fixture.use(self._settings, now)
        due = [self._look_at]
        if self._read_button(now):
            due.append(now + BUTTON_EVERY)
        change = self._play()
        if change is not None:
            due.append(self._clock() + change)
        self._publish(now)
        return max(0.0, min(due) - self._clock())

    def _look(self) -> None:
        try:
            self._situation = self._watch.situation()
        except Exception as error:
            # Whatever it is: lights that stay as they are would go on claiming that all is well.
            reason = f"{type(error).__name__}: {error}"
            self._tell(text("The lights cannot tell how the relay is doing (%(reason)s).", reason=reason))
            self._state = State.STOPPED
            return
        self._tell(NOTHING)
        self._settings = self._situation.loaded.settings.lights
        self._state = self._situation.state

    def _ask(self, now: float) -> None:
        """See whether the page asks for something."""
        asked = request.read(self._paths.lights_request, now)
        if asked is None or asked == self._answered:
            return
        self._answered = asked
        if asked.ask is Ask.TEST:
            self._guests.invite(walk(), now)
        else:
            self._guests.invite([(FIND, FIND_LASTS)], now)

    def _read_button(self, now: float) -> bool:
        """Read the button, if there is one, and do what somebody wants; returns whether there is one."""
        pressed = self._fixtures[0].pressed(now) if self._fixtures else None
        if pressed is None:
            self._holding = Hold.NOTHING_HELD
            return False
        wish = self._button.feed(now, pressed)
        self._holding = self._button.hold(now)
        if wish is Wish.NETWORK and self._situation is not None:
            count = how_far(self._situation.facts)
            self._guests.invite([(answer(count), ANSWER_LASTS)], now)
        elif wish in (Wish.CLAIM, Wish.RESET):
            self._guests.invite([(HEARD, HEARD_LASTS)], now)
            self._pass_on(wish)
        return True

    def _pass_on(self, wish: Wish) -> None:
        """Leave word for the service that may do it (porchlight-button.path)."""
        self._say(f"lights: The button asks for: {wish.value}.")
        try:
            write_atomically(self._paths.button_request, wish.value.encode(), durable=False)
        except OSError as error:
            self._say(f"lights: What the button asks for cannot be passed on ({error}).")

    def _asked_for(self, now: float) -> Scene | None:
        """What somebody wants to see instead of the state."""
        return HOLDING.get(self._holding) or self._guests.at(now)

    def _play(self) -> float | None:
        """Show what is due; returns the seconds until the next step, None when there is none."""
        now = self._clock()
        asked = self._asked_for(now)
        if asked is None and self._state is None:
            return None
        scene = asked or of_state(self._state or State.STOPPED)
        if self._scene is None or scene.name != self._scene.name:
            self._scene, self._begun = scene, now
        # Who asks the lights for something wants to see it, by night too.
        bright = self._settings.brightness if asked else brightness(self._settings, self._date())
        soft, seconds = self._settings.soft, now - self._begun
        changes = [fixture.play(scene, seconds, bright, now, soft=soft) for fixture in self._fixtures]
        ends = self._guests.until(now)
        return min((one for one in (*changes, ends) if one is not None), default=None)

    def _tell(self, what: Text) -> None:
        """Remember that nobody knows how the relay is doing, or that somebody does again, and log it once."""
        if what != self._watch_trouble:
            self._say(f"lights: {what or 'The trouble is over.'}")
        self._watch_trouble = what

    def _publish(self, now: float) -> None:
        if self._state is None:
            return
        trouble = together(*(one.trouble for one in self._fixtures), self._watch_trouble)
        note = together(*(one.note for one in self._fixtures))
        shown = self._scene.name if self._scene else ""
        word = LightsStatus(0.0, self._state.value, trouble, note, shown)
        if word == self._published and now < self._publish_at:
            return
        self._published, self._publish_at = word, now + PUBLISH_EVERY
        try:
            publish(self._paths.lights_status, LightsStatus(self._clock(), word.state, trouble, note, shown))
        except OSError as error:
            if not self._unwritable:
                self._say(f"lights: Their status cannot be written ({error}); the page will not show it.")
            self._unwritable = True
        else:
            self._unwritable = False

    def _farewell(self, wait: Callable[[float], bool]) -> None:
        # At the end of a shutdown the plug may be pulled already, and then nothing else is shown any more.
        self._state = self._state if self._state is State.SAFE_TO_UNPLUG else State.STOPPED
        self._holding = Hold.NOTHING_HELD
        self._guests.leave()
        self._play()
        self._publish(self._clock())
        try:
            leave_word(self._paths.lights_farewell, self._settings)
        except OSError:
            # It has been said already that nothing can be written there; at a shutdown the lights just go dark.
            self._unwritable = True
        if any(fixture.is_open for fixture in self._fixtures):
            wait(FAREWELL)
