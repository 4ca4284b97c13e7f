"""Code of the page distributed/fsdp: DDP, ZeRO, FSDP.

It builds on `snippets/distributed/collectives`, `snippets/distributed/memory`.
"""
