"""Code of the page post-training/rlhf: RLHF. It builds on `snippets/tiny`."""
