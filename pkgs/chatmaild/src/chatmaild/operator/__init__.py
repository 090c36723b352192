"""The operator's command `chatmail`, and what its subcommands do."""
