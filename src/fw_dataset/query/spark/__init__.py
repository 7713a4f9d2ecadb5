"""Tables of datasets in a Spark session, Spark Connect or classic, without reading a data file."""

from fw_dataset.query.spark.registration import SparkDatabase, register_version
from fw_dataset.query.spark.session import SparkSession
from fw_dataset.query.spark.together import register_sources

__all__ = ["SparkDatabase", "SparkSession", "register_sources", "register_version"]
