"""Code of the page post-training/lora: LoRA, QLoRA, DoRA. Builds on `snippets/shapes`."""
