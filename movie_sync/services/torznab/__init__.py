"""Torznab, the language of Prowlarr, Jackett and some trackers themselves."""
