"""Tabular files of a project (CSV, TSV, archives of them) as tables, without loss."""
