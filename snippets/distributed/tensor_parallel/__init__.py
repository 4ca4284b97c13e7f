"""Code of the page distributed/tensor-parallel: Tensor parallelism.

It builds on `snippets/distributed/collectives`, `snippets/distributed/memory`.
"""
