"""Code of the page post-training/distillation: Distillation. It builds on `snippets/tiny` and on `snippets/post_training/grpo`."""
