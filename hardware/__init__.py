"""What is soldered and printed: the pins, and the programs that draw them."""
