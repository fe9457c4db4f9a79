"""The pairs of stages, each started once for all tests that ask for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.relay import own_certificate
from tests.wire.stage import Both, Porchlight, Reference, Variant

HERE = Path(__file__).parent
MakeBoth = Callable[[Variant], Both]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here makes network namespaces, except what only reads the documentation."""
    for item in items:
        if item.path.is_relative_to(HERE) and "make_both" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.namespaces)
            # One process for all of them: each would start the stages anew.
            item.add_marker(pytest.mark.xdist_group("wire"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate that each relay shows."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("reference", "porchlight"):
        # The reference's own kind takes seconds to make, and matters only to the one test that looks at it.
        own_certificate.make(folder)
        (folder / "certificate.pem").rename(folder / f"{name}.pem")
    return folder


@pytest.fixture(scope="session")
def make_both(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[MakeBoth]:
    """Starts pairs of stages, each kind once."""
    made: dict[Variant, Both] = {}

    def make(variant: Variant) -> Both:
        if variant not in made:
            folder = tmp_path_factory.mktemp("stages")
            reference = Reference(folder / "reference", certificates, variant)
            made[variant] = Both(Porchlight(folder / "porchlight", certificates, variant), reference)
        return made[variant]

    yield make
    for both in made.values():
        both.close()


@pytest.fixture
def container(make_both: MakeBoth) -> Both:
    """Set like the reference's container image: a version 1 header, an upstream with an IPv4 address."""
    return make_both(Variant())


@pytest.fixture
def chart(make_both: MakeBoth) -> Both:
    """Set like the reference's Helm chart: a version 2 header, 7777 behind a balancer; an upstream with IPv6."""
    return make_both(Variant(sends="v2", family=6, balanced_media=True))


@pytest.fixture
def hasty(make_both: MakeBoth) -> Both:
    """As ``container``, with a short idle limit: longer than a busy machine holds somebody up who is not idle."""
    return make_both(Variant(idle=3.0))
