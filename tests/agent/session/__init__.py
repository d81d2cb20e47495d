"""A session's journal, and what its entries mean."""
