"""What somebody asked the lights for: scenes that stand before the state for a while. No input or output here."""

from collections.abc import Iterable

from appliance.lights.scenes import Scene


class Guests:
    """Scenes one after the other; whoever asks anew sends the former ones home."""

    def __init__(self) -> None:
        self._scenes: list[tuple[Scene, float]] = []

    def invite(self, scenes: Iterable[tuple[Scene, float]], now: float) -> None:
        """Show these scenes, from now on.

        Args:
            scenes: each with the seconds for which it is shown.
            now: seconds since boot.
        """
        self._scenes = []
        end = now
        for scene, lasts in scenes:
            end += lasts
            self._scenes.append((scene, end))

    def leave(self) -> None:
        """Show the state again, at once."""
        self._scenes = []

    def at(self, now: float) -> Scene | None:
        """The scene of that time; None when the state is to be shown."""
        while self._scenes and now >= self._scenes[0][1]:
            self._scenes.pop(0)
        return self._scenes[0][0] if self._scenes else None

    def until(self, now: float) -> float | None:
        """Seconds until the next one begins, or the state comes back; None when there is none."""
        return max(0.0, self._scenes[0][1] - now) if self._scenes else None
