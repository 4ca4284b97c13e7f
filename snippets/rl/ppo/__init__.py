"""Code of the page rl/ppo: PPO. It builds on snippets/sequences."""
