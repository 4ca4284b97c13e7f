"""Reward models, the errors they make, and what optimizing them brings. Builds on snippets/sequences, snippets/tiny and snippets/post_training/rlhf."""
