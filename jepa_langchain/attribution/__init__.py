"""Mapped weights: which words, statements and directions carry a verdict."""
