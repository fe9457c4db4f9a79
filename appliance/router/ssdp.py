"""UPnP's discovery (SSDP, UPnP Device Architecture 1.1, section 1.3): the question, and which answers count.

Anybody on the network can answer, and an answer makes the asker fetch an address. So only the gateway's own answer
counts, and only one that points to the gateway.
"""

from urllib.parse import urlsplit

from appliance.router.damaged import DamagedAnswer

GROUP, PORT = "239.255.255.250", 1900
TARGETS = (
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
)
KIND = "urn:schemas-upnp-org:device:InternetGatewayDevice:"
# Bytes; a datagram that went through an Ethernet unbroken.
LONGEST = 1500
# Characters; no router's description has a longer address.
LONGEST_URL = 200
# Seconds within which devices choose a moment to answer: the least that the standard knows.
SPREAD = 1


def search(target: str, host: str = GROUP) -> bytes:
    """The question after one kind of device.

    Args:
        target: one of ``TARGETS``.
        host: to whom it is sent.
    """
    lines = (f"HOST: {host}:{PORT}", 'MAN: "ssdp:discover"', f"MX: {SPREAD}", f"ST: {target}")
    return ("M-SEARCH * HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode("ascii")


def description_of(data: bytes, gateway: str) -> str:
    """The address of the description in the gateway's answer.

    Args:
        data: the datagram; whoever calls has made sure that the gateway sent it.
        gateway: the gateway's IPv4 address.

    Raises:
        DamagedAnswer: no answer of an Internet gateway, or it points to some other host.
    """
    if len(data) > LONGEST:
        raise DamagedAnswer("too long")
    lines = data.decode("latin-1").split("\r\n")
    if lines[0].split(" ")[:2] not in (["HTTP/1.1", "200"], ["HTTP/1.0", "200"]):
        raise DamagedAnswer("no answer to a search")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if not fields.get("st", "").startswith(KIND):
        raise DamagedAnswer("no Internet gateway")
    return on_gateway(fields.get("location", ""), gateway)


def on_gateway(url: str, gateway: str) -> str:
    """The URL again, if it is one of the gateway's.

    Raises:
        DamagedAnswer: it is not, or not a plain one.
    """
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise DamagedAnswer("not a plain URL")
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        raise DamagedAnswer("not a URL") from None
    if parts.scheme != "http" or parts.netloc not in (gateway, f"{gateway}:{port}"):
        raise DamagedAnswer("a URL of some other host")
    return url
