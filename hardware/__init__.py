"""What is soldered and printed: pins and parts, and the programs that draw wiring, board, case and sheet from them."""
