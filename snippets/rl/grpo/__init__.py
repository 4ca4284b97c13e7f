"""Group estimators of a policy gradient, and all groups of a small language. Builds on snippets/sequences."""
