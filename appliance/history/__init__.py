"""How much was relayed in the last day and month: coarse sums for two small charts, and no address."""
