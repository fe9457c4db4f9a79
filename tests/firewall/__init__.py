"""The firewall's rules, by themselves and with real packets."""
