"""Updates, without a card."""
