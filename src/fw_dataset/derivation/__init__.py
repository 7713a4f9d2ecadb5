"""Derived tables and profiles: made with a rendering, or for a version that stands already."""
