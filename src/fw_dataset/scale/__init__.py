"""Past one project and one machine."""
