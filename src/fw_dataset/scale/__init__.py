"""Past one machine: what other systems need to work with datasets where they stand."""
