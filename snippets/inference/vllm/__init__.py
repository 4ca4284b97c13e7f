"""Code of the page inference/vllm: vLLM and paged attention.

It builds on `snippets/inference/batching`.
"""
