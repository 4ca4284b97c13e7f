"""Code of the page inference/speculative-decoding: Speculative decoding.

It builds on `snippets/inference/overview`.
"""
