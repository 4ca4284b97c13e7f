"""Code of the page distributed/pipeline-parallel: Pipeline parallelism.

It builds on `snippets/distributed/collectives`.
"""
