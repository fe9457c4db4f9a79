"""The card's firewall: pure rules from settings and network (``rules``), and the thin part that applies them."""
