"""Code of the page inference/kv-cache: KV cache.

It builds on `snippets/inference/overview`.
"""
