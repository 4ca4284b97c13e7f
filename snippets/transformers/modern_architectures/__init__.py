"""Code of the page transformers/modern-architectures: Modern architectures. Builds on `snippets/shapes`."""
