"""The command ``porchlight`` and its subcommands."""
