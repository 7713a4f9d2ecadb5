"""Records in, typed columns out: the tables of a version as Parquet files in a folder."""
