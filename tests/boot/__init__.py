"""The image that ships, booted on an emulated board and looked at from outside."""
