"""Code of the page distributed/checkpointing: Checkpointing and failures.

It builds on `snippets/distributed/collectives`, `snippets/distributed/memory`.
"""
