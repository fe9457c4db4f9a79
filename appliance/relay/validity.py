"""Until when a certificate is valid: the one thing about it that Python's ssl tells only of a peer's.

The library that knows all of X.509 costs the relay 15 MB for as long as it runs, so the few bytes are read here: the
validity is the fifth element of a certificate (RFC 5280 section 4.1), in DER (X.690).
"""

import ssl
from datetime import UTC, datetime

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
SEQUENCE, VERSION, UTC_TIME, GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
# RFC 5280 section 4.1.2.5: both end with Z and have seconds.
FORMATS = {UTC_TIME: "%y%m%d%H%M%SZ", GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}


def not_after(pem: str) -> int:
    """The end of the first certificate in a text, in seconds since 1970.

    Args:
        pem: what a file with key and certificates holds.

    Raises:
        ValueError: there is no certificate, or none that can be understood.
    """
    begin, end = pem.find(BEGIN), pem.find(END)
    if begin < 0 or end < begin:
        raise ValueError("no certificate")
    kind, certificate, _ = _element(ssl.PEM_cert_to_DER_cert(pem[begin : end + len(END)] + "\n"))
    if kind != SEQUENCE:
        raise ValueError("no certificate")
    _, fields, _ = _element(certificate)
    kind, _, after_version = _element(fields)
    # Serial number, signature algorithm, issuer.
    rest = after_version if kind == VERSION else fields
    for _skipped in range(3):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, validity = _element(validity)
    kind, text, _ = _element(validity)
    if kind not in FORMATS:
        raise ValueError("no time")
    return int(datetime.strptime(text.decode("ascii"), FORMATS[kind]).replace(tzinfo=UTC).timestamp())


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The first element of some DER: its tag, its content, and what comes after it."""
    if len(data) < 2:
        raise ValueError("cut off")
    kind, size, at = data[0], data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    if at + size > len(data):
        raise ValueError("cut off")
    return kind, data[at : at + size], data[at + size :]
