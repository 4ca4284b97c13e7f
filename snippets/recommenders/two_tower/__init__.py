"""Two-tower retrieval: losses with batch negatives, a random slice, and indexes.

Builds on `snippets/worlds`, two streaming services whose truth is known.
"""
