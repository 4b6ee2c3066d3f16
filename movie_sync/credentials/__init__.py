"""The encrypted credentials."""
