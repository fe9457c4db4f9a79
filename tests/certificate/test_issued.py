"""Which certificates go through to the relay."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.certificate.issued import Facts, deploy, facts, request

# A real authority, or a real client of one: each takes seconds, so they are for ./test.
pytestmark = pytest.mark.slow

NAME = "relay.example.org"
NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM


class Signer:
    """An authority that signs whatever it is given."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.key.public_key(), self.name, ca=True)

    def sign(
        self,
        public: ec.EllipticCurvePublicKey,
        subject: x509.Name,
        *,
        names: tuple[str, ...] = (),
        start: datetime.datetime = NOW - DAY,
        ca: bool = False,
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder().issuer_name(self.name).subject_name(subject).public_key(public)
        builder = (
            builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + 90 * DAY)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
        return builder.add_extension(x509.BasicConstraints(ca, None), True).sign(self.key, hashes.SHA256())


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("authority")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with key and request."""
    made = tmp_path / "order"
    made.mkdir()
    assert request(made, NAME)
    return made


def issue(
    folder: Path, signer: Signer, *, names: tuple[str, ...] = (NAME,), start: datetime.datetime = NOW - DAY
) -> None:
    """Put what the authority makes of the request into the folder."""
    wanted = x509.load_pem_x509_csr((folder / "csr.pem").read_bytes())
    public = wanted.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    leaf = signer.sign(public, x509.Name([]), names=names, start=start)
    (folder / "chain.pem").write_bytes(leaf.public_bytes(PEM) + signer.certificate.public_bytes(PEM))


def test_the_request(folder: Path) -> None:
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    wanted = x509.load_pem_x509_csr((folder / "csr.pem").read_bytes())
    assert wanted.is_signature_valid
    assert isinstance(wanted.public_key().curve, ec.SECP256R1)  # type: ignore[union-attr]


def test_all_is_well(folder: Path, signer: Signer, tmp_path: Path) -> None:
    issue(folder, signer)
    target = tmp_path / "relay.pem"
    assert deploy(folder, NAME, NOW.timestamp(), target) == ""
    assert target.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    start = (NOW - DAY).timestamp()
    assert facts(target) == Facts((NAME,), start, start + 90 * 86400)
    assert not (folder / "draft.pem").exists()


def refused(folder: Path, target: Path) -> str:
    """Why not; the relay's file stays as it is."""
    target.write_bytes(b"the former one")
    reason = deploy(folder, NAME, NOW.timestamp(), target)
    assert target.read_bytes() == b"the former one"
    return reason


def test_for_another_name(folder: Path, signer: Signer, tmp_path: Path) -> None:
    issue(folder, signer, names=("other.example.org", "*.example.org"))
    assert refused(folder, tmp_path / "relay.pem") == "it is for another name"


def test_not_yet_and_no_more(folder: Path, signer: Signer, tmp_path: Path) -> None:
    issue(folder, signer, start=NOW + DAY)
    assert refused(folder, tmp_path / "relay.pem") == "it is not valid yet"
    issue(folder, signer, start=NOW - 91 * DAY)
    assert refused(folder, tmp_path / "relay.pem") == "it has expired"


def test_for_another_key(folder: Path, signer: Signer, tmp_path: Path) -> None:
    issue(folder, signer)
    assert request(folder, NAME)
    assert refused(folder, tmp_path / "relay.pem") == "the key belongs to another certificate"


def test_a_chain_of_somebody_else(folder: Path, signer: Signer, tmp_path: Path) -> None:
    issue(folder, signer)
    leaf = (folder / "chain.pem").read_bytes().split(b"-----END CERTIFICATE-----\n")[0] + b"-----END CERTIFICATE-----\n"
    (folder / "chain.pem").write_bytes(leaf + Signer("authority").certificate.public_bytes(PEM))
    assert refused(folder, tmp_path / "relay.pem") == "its chain does not hold together"


@pytest.mark.parametrize(
    "damage", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_damaged(folder: Path, tmp_path: Path, damage: bytes) -> None:
    (folder / "chain.pem").write_bytes(damage)
    assert refused(folder, tmp_path / "relay.pem") == "there is no certificate that can be read"
    assert facts(folder / "chain.pem") is None
    assert facts(folder / "missing.pem") is None


def test_a_key_that_is_damaged(folder: Path, signer: Signer, tmp_path: Path) -> None:
    issue(folder, signer)
    (folder / "key.pem").write_bytes(b"nonsense")
    assert refused(folder, tmp_path / "relay.pem") == "there is no key that can be read"
