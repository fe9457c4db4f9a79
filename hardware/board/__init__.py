"""The small board with lights and button: a KiCad project written by a program."""
