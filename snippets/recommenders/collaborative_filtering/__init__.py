"""iALS, BPR, EASE and popularity, tuned by the same search.

Builds on `snippets/worlds`, two streaming services whose truth is known, and MovieLens small.
"""
