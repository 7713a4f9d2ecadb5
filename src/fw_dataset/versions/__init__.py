"""Versions of a dataset: made in a work folder, committed whole, listed and resolved."""
