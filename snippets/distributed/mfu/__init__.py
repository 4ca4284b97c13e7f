"""Code of the page distributed/mfu: FLOPs and MFU.

It builds on `snippets/distributed/hardware`.
"""
