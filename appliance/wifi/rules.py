"""What may stand under ``[wifi]``, and what a supplicant is told of it. No input or output here."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from appliance.settings.declared import WifiSettings

# ISO 3166-1, whose codes the kernel's regulatory database uses.
CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA"
    " CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA"
    " GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP"
    " KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS"
    " MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS"
    " RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW"
    " TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
COUNTRIES = frozenset(CODES.split())
# What people write and what is meant.
MISTAKEN = {"UK": "GB", "EN": "GB", "EU": "AT, FR or another"}
# IEEE 802.11: octets of a network's name.
LONGEST_NAME = 32
# IEEE 802.11i, annex H.4: characters of a passphrase, and how a key of 256 bits is made of it.
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 63
ROUNDS = 4096
KEY_BYTES = 32
KEY = re.compile(r"[0-9a-fA-F]{64}")


def read_country(value: Any) -> str:
    """A country's two letters, or an empty text.

    Raises:
        ValueError: this is none; the text goes on after the setting's name.
    """
    found = value.strip().upper() if isinstance(value, str) else None
    if found is None or (found and found not in COUNTRIES):
        meant = MISTAKEN.get(found or "")
        raise ValueError(f'must be the two letters of a country, such as "DE"{f" (here {meant})" if meant else ""}')
    return found


def read_name(value: Any) -> str:
    """A network's name (SSID), exactly as it was written, or an empty text.

    Raises:
        ValueError: no network can be called so.
    """
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("must be the name of a Wi-Fi network, between quotation marks")
    if len(value.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        raise ValueError(f"is too long: the name of a Wi-Fi network has at most {LONGEST_NAME} letters")
    return value


def read_password(value: Any) -> str:
    """A passphrase, or the key that was made of one, or an empty text. The value is never in the message.

    Raises:
        ValueError: no network has such a password.
    """
    if not isinstance(value, str):
        raise ValueError("must stand between quotation marks")
    if KEY.fullmatch(value):
        return value.lower()
    if value and not SHORTEST_PASSWORD <= len(value) <= LONGEST_PASSWORD:
        raise ValueError(
            f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, as every Wi-Fi password has, "
            f"not {len(value)}"
        )
    if not (value.isascii() and value.isprintable()):
        raise ValueError("may only have plain letters, digits and signs, without accents")
    return value


def key(name: str, password: str) -> str:
    """The key of a network, which opens that network alone: 64 hexadecimal digits.

    Args:
        name: the network's name.
        password: its passphrase, or the key already.
    """
    if KEY.fullmatch(password):
        return password.lower()
    # Each service reads the settings' rules, and only root hashes a password: not for everybody OpenSSL's 0.7 MB.
    import hashlib

    return hashlib.pbkdf2_hmac("sha1", password.encode(), name.encode(), ROUNDS, KEY_BYTES).hex()


def missing(wanted: "WifiSettings") -> tuple[str, ...]:
    """Which settings have to be added; none where no Wi-Fi is wanted or all is there."""
    if not (wanted.ssid or wanted.password):
        return ()
    named = {"country": wanted.country, "ssid": wanted.ssid, "password": wanted.password}
    return tuple(name for name, value in named.items() if not value)


def configuration(wanted: "WifiSettings") -> str:
    """What the supplicant reads (wpa_supplicant.conf(5)).

    WPA2 with a key, which all the boards' chips speak; a network that takes WPA3 alone wants the password itself, which
    is not kept. The name in hexadecimal: it may hold anything.

    Args:
        wanted: settings of which nothing is missing.
    """
    return "\n".join(
        (
            f"country={wanted.country}",
            "p2p_disabled=1",
            "network={",
            f"    ssid={wanted.ssid.encode().hex()}",
            "    scan_ssid=1",  # a name that the router does not tell
            "    proto=RSN",
            "    key_mgmt=WPA-PSK",
            f"    psk={key(wanted.ssid, wanted.password)}",
            "}",
            "",
        )
    )
