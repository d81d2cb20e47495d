"""Searching and reading the web: providers mocked at the wire, pages served on loopback."""
