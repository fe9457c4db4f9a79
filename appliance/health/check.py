"""What a check is: a name, a weight, and a pure function from facts to problems."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts

Judge = Callable[[Facts], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Args:
        id: its name, which ``/status.json`` and ``porchlight_problems`` carry; it never changes.
        severity: how much what it finds weighs.
        judge: finds it.
    """

    id: str
    severity: Severity
    judge: Judge

    def __call__(self, facts: Facts) -> tuple[Problem, ...]:
        """What is wrong, each under the check's own name."""
        return tuple(replace(one, id=self.id, severity=self.severity) for one in self.judge(facts))

    @property
    def appears(self) -> str:
        """When it finds something, in one line for docs/health.md: the first line of its docstring."""
        return (self.judge.__doc__ or "").strip().splitlines()[0]


def check(id: str, severity: Severity) -> Callable[[Judge], Check]:
    """Make a check of a function."""
    return lambda judge: Check(id, severity, judge)
