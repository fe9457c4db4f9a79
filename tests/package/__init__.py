"""The installable package: what ``pyproject.toml`` promises."""
