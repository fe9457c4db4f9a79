"""The lights: one table from what porchlight is doing to a rhythm on three LEDs, and the pins that play it."""
