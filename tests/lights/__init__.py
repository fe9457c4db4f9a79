"""The lights: their language, their pins, their loop, and their documentation."""
