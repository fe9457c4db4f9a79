"""The tests: they mirror the code, and run the real thing wherever there is one."""
