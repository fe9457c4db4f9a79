"""What certbot says, in plain words."""

import pytest

from appliance.certificate.outcome import NO_ACCOUNT, UNEXPLAINED, CertificateState, of_failure

NAME = "relay.example.org"
FAILED = """\
Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Domain: relay.example.org
  Type:   {}
  Detail: something
"""
ERROR = "acme.messages.Error: urn:ietf:params:acme:error:{} :: something"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (FAILED.format("connection"), CertificateState.PORT_CLOSED),
        (FAILED.format("unauthorized"), CertificateState.PORT_CLOSED),
        (FAILED.format("dns"), CertificateState.WRONG_NAME),
        (FAILED.format("caa"), CertificateState.REFUSED),
        (ERROR.format("rejectedIdentifier"), CertificateState.WRONG_NAME),
        (ERROR.format("rateLimited"), CertificateState.LIMITED),
        (ERROR.format("invalidContact"), CertificateState.REFUSED),
        (ERROR.format("badNonce") + "\nAttributeError: can't set attribute", CertificateState.BUSY),
        (ERROR.format("serverInternal"), CertificateState.BUSY),
        ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED]", CertificateState.UNREACHABLE),
        ("requests.exceptions.ConnectionError: Max retries exceeded", CertificateState.UNREACHABLE),
        ("requests.exceptions.ReadTimeout: timed out", CertificateState.UNREACHABLE),
    ],
)
def test_failures(said: str, state: CertificateState) -> None:
    found = of_failure(said, NAME)
    assert found.state is state
    assert found.said is not UNEXPLAINED


def test_an_account_that_is_lost() -> None:
    assert of_failure(ERROR.format("accountDoesNotExist"), NAME).said is NO_ACCOUNT


@pytest.mark.parametrize("said", ["", "AttributeError: can't set attribute", "\0\xff" * 1000])
def test_whatever_else(said: str) -> None:
    assert of_failure(said, NAME).said is UNEXPLAINED
