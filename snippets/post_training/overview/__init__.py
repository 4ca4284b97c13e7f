"""Which method for which data and budget, and what fits on the card. Builds on `snippets/shapes` and `snippets/post_training/evaluation`."""
