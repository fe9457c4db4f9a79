"""What is soldered and printed: drawings, board, case, and that all of them are up to date."""
