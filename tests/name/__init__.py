"""The relay's name, with Debian's inadyn against a provider on loopback."""
