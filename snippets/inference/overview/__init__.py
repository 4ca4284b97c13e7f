"""Code of the page inference/index: Inference and serving.

It builds on `snippets/distributed/hardware`.
"""
