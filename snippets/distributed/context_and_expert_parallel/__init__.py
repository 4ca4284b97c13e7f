"""Code of the page distributed/context-and-expert-parallel: Context and expert parallelism.

It builds on `snippets/distributed/collectives`, `snippets/distributed/memory`.
"""
