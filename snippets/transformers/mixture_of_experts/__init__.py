"""Code of the page transformers/mixture-of-experts: Mixture of experts."""
