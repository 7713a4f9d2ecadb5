"""Work done in other processes, over any executor: knows nothing of datasets."""
