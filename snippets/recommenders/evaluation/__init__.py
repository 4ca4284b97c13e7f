"""Offline numbers: rival conventions, ties, sampled negatives, splits, and whether they predict.

Builds on `snippets/worlds`, two streaming services whose truth is known.
"""
