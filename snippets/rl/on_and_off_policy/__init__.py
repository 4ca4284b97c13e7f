"""Staleness, mismatch, corrections and KL estimators.

Builds on `snippets/sequences`, a language whose sequences are all written down.
"""
