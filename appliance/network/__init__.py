"""What this device's network looks like: its addresses, its prefixes, its gateways."""
