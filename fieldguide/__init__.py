"""The machinery that joins pages, snippets and tests of the field guide."""
