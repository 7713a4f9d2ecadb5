"""Datasets for colleagues: GA4GH Data Connect over HTTP, safe with SQL from strangers."""
