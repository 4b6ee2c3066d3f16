"""Reading `config.json`."""
