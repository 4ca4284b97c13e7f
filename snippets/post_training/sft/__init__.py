"""Supervised fine-tuning, token by token.

Builds on `snippets/tiny`, the small model, tokenizer and tasks that pages about training share.
"""
