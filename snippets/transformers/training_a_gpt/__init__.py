"""Code of the page transformers/training-a-gpt: Training a GPT.

It builds on `snippets/distributed/mfu` and `snippets/shapes`.
"""
