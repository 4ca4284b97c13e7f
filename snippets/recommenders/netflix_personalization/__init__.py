"""Personalization at Netflix: numbers redone, and four mechanisms in miniature.

Builds on `snippets/worlds`, a streaming service whose truth is known.
"""
