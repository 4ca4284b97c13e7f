"""Code of the page distributed/index: Distributed training.

It builds on `snippets/distributed/collectives`, `snippets/distributed/memory`,
`snippets/distributed/mfu`, `snippets/distributed/pipeline_parallel`.
"""
