"""Transmission, through its RPC."""
