"""Code of the page inference/kv-cache: KV cache."""
