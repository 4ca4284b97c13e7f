"""Code of the page inference/serving-systems: Serving systems.

It builds on `snippets/inference/kv_cache`.
"""
