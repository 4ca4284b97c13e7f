"""Code of the page transformers/training-a-gpt: Training a GPT. Builds on snippets/shapes."""
