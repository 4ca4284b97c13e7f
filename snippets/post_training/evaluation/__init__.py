"""Code of the page post-training/evaluation: Evaluation."""
