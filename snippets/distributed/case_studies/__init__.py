"""Code of the page distributed/case-studies: Case studies.

It builds on `snippets/distributed/checkpointing`, `snippets/distributed/mfu`,
`snippets/distributed/overview`.
"""
