"""Past one project: many snapshots, over many processes or machines."""
