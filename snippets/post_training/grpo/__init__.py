"""Code of the page post-training/grpo: GRPO, the recipe. It builds on `snippets/tiny`."""
