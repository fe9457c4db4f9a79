"""The settings files."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts


@check("settings", Severity.TROUBLE)
def settings(facts: Facts) -> Iterator[Problem]:
    """A line of porchlight.toml, or of what the page saved, cannot be understood, or not by the relay."""
    yield from facts.mistakes
