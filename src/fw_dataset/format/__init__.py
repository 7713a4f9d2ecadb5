"""What a dataset is on disk, as values: no reading, no writing."""
