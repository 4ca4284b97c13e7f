"""Snippets of the area inference."""
