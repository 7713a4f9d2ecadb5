"""Datasets as Apache Iceberg tables: metadata beside the data files, none of which is copied.

Only here pyiceberg is known, and it is imported when something is published.
"""

from fw_dataset.scale.iceberg.publications import Publication, PublishedTable
from fw_dataset.scale.iceberg.publishing import publish_iceberg

__all__ = ["Publication", "PublishedTable", "publish_iceberg"]
