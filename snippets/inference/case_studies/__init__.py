"""Code of the page inference/case-studies: Case studies.

It builds on `snippets/inference/kv_cache`.
"""
