"""Code of the page rl/index: RL for LLMs. It builds on `snippets/sequences`."""
