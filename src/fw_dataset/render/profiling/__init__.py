"""Figures about the columns of a table, computed in SQL."""
