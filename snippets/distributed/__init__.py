"""Snippets of the area distributed training."""
