"""Spark Connect servers on loopback, in processes of their own."""

from tests.support.spark.comparing import Table, columns_of, same_rows, table_of
from tests.support.spark.servers import KINDS, SparkServers, spark_python

__all__ = [
    "KINDS",
    "SparkServers",
    "Table",
    "columns_of",
    "same_rows",
    "spark_python",
    "table_of",
]
