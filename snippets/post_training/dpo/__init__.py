"""Code of the page post-training/dpo: DPO and its family."""
