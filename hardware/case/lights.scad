// Written by python3 -m hardware from hardware/board/layout.py: millimetres from its upper left corner.
lights = [[14.08, 14], [26.08, 14], [38.08, 14]];
button = [51, 15];
