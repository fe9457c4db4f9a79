"""porchlight: a Raspberry Pi that keeps WhatsApp reachable for people whose government blocks it."""

__version__ = "0.1.0"
