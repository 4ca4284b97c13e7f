"""Code of the page recommenders/semantic-ids: Semantic IDs. Builds on snippets/worlds."""
