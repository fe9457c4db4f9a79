"""Asks the home router to open the relay's ports: PCP, then NAT-PMP, then UPnP (docs/router.md)."""
