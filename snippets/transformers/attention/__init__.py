"""Code of the page transformers/attention: Attention. Builds on snippets/shapes."""
