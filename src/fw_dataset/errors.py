"""Every error this package raises.

::

    FWDatasetError
    ├── SnapshotError (ValueError)           the input is not a usable snapshot
    │   └── RecordError                      one record in it is not usable
    ├── InvalidArgumentError (ValueError)    a value that an argument cannot have
    ├── InvalidNameError (ValueError)        a version id, label or table name that cannot be
    ├── ControlColumnsError (ValueError)     control_columns that name what is not there
    ├── DatasetFormatError (ValueError)      a file of a dataset does not say what it must
    ├── TabularFileError (ValueError)        a file of tabular data that cannot be read as a table
    ├── DatasetNotFoundError (FileNotFoundError)
    ├── VersionNotFoundError (KeyError, ValueError)
    ├── TableNotFoundError (KeyError)
    ├── VersionConflictError (ValueError)    the version or label is taken by something else
    ├── MissingExtraError (ImportError)      an optional package is not installed
    ├── WorkerError (RuntimeError)           other processes did not do what they were given to do
    ├── ClusterError                         a SQL cluster does not do what it is asked
    ├── PublishingError                      tables could not be published for other systems
    ├── DirectivesError (ValueError)         a project does not say where its dataset is, or wrongly
    ├── FlywheelError                        the platform refuses, fails or cannot be reached
    │   ├── ApiKeyError (ValueError)         no API key, or one that cannot be
    │   ├── FlywheelDeniedError (PermissionError)
    │   ├── FlywheelNotFoundError (ValueError)
    │   │   ├── ProjectNotFoundError
    │   │   └── StorageNotFoundError
    │   ├── FlywheelUnreachableError (ConnectionError)
    │   ├── SnapshotCreationError            the platform made no snapshot
    │   │   └── SnapshotTimeoutError (TimeoutError)
    │   ├── DownloadError                    what was sent is not whole
    │   └── DatasetInfoNotSavedError         the dataset stands, but its project does not say where
    └── StorageError (OSError)               bytes could not be read or written
        ├── UnsupportedLocationError (ValueError)
        ├── CredentialsError (ValueError)    credentials that are missing or of no known form
        ├── BucketNotFoundError (FileNotFoundError)
        ├── ObjectNotFoundError (FileNotFoundError)
        ├── ObjectExistsError (FileExistsError)
        ├── StorageDeniedError (PermissionError)
        ├── StorageUnreachableError (ConnectionError)
        ├── StorageTimeoutError (TimeoutError)
        └── StorageFullError

The built-in bases are those that the 0.3 and 0.4 releases raised at the same places, so that
``except ValueError`` in a user's script goes on working. Every message is one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

__all__ = [
    "ApiKeyError",
    "BucketNotFoundError",
    "ClusterError",
    "ControlColumnsError",
    "CredentialsError",
    "DatasetFormatError",
    "DatasetInfoNotSavedError",
    "DatasetNotFoundError",
    "DirectivesError",
    "DownloadError",
    "FWDatasetError",
    "FlywheelDeniedError",
    "FlywheelError",
    "FlywheelNotFoundError",
    "FlywheelUnreachableError",
    "InvalidArgumentError",
    "InvalidNameError",
    "MissingExtraError",
    "ObjectExistsError",
    "ObjectNotFoundError",
    "ProjectNotFoundError",
    "PublishingError",
    "RecordError",
    "SnapshotCreationError",
    "SnapshotError",
    "SnapshotTimeoutError",
    "StorageDeniedError",
    "StorageError",
    "StorageFullError",
    "StorageNotFoundError",
    "StorageTimeoutError",
    "StorageUnreachableError",
    "TableNotFoundError",
    "TabularFileError",
    "UnsupportedLocationError",
    "VersionConflictError",
    "VersionNotFoundError",
    "WorkerError",
]


class FWDatasetError(Exception):
    """Base of all errors of this package; ``str(error)`` is one line for a person."""

    def __str__(self) -> str:
        # KeyError would print the repr of its argument, and OSError its errno. A name with a line
        # break in it must not make two lines of a message.
        return " ".join(" ".join(str(part).splitlines()) for part in self.args)


class SnapshotError(FWDatasetError, ValueError):
    """The file is not a Flywheel snapshot that can be rendered."""


class RecordError(SnapshotError):
    """One record of a snapshot cannot be read.

    Attributes:
        table: the snapshot's table, such as ``"file"``.
        record_id: the record's primary key in that table.
        reason: what is wrong with it.
    """

    def __init__(self, table: str, record_id: str, reason: str) -> None:
        self.table, self.record_id, self.reason = table, record_id, reason
        super().__init__(
            f"record {record_id!r} of table {table!r}: {reason}"
            " (on_error='skip', or --on-error skip, renders the rest)"
        )

    def __reduce__(self) -> tuple[type[RecordError], tuple[str, str, str]]:
        return type(self), (self.table, self.record_id, self.reason)


class InvalidArgumentError(FWDatasetError, ValueError):
    """An argument has a value that it cannot have."""


class InvalidNameError(FWDatasetError, ValueError):
    """A version id, label, table or column name is not one that a dataset can hold."""


class ControlColumnsError(FWDatasetError, ValueError):
    """``control_columns`` names a table or column that does not exist."""


class DatasetFormatError(FWDatasetError, ValueError):
    """A file of a dataset is damaged or is not what the format asks for."""


class TabularFileError(FWDatasetError, ValueError):
    """A file of tabular data is not to be had, or cannot be read as a table without loss."""


class DatasetNotFoundError(FWDatasetError, FileNotFoundError):
    """There is no dataset at the given place."""


class VersionNotFoundError(FWDatasetError, KeyError, ValueError):
    """The dataset has no version of that id or label."""


class TableNotFoundError(FWDatasetError, KeyError):
    """The version has no table of that name."""


class VersionConflictError(FWDatasetError, ValueError):
    """The version id or the label is already in use for something else."""


class MissingExtraError(FWDatasetError, ImportError):
    """A feature needs a package that an extra of this one installs."""


class WorkerError(FWDatasetError, RuntimeError):
    """Work that was given to other processes did not come to its end there."""


class ClusterError(FWDatasetError):
    """A SQL cluster, such as Spark, does not do what it is asked, or sees something else."""


class PublishingError(FWDatasetError):
    """Tables could not be published for other systems; what was published before is as it was."""


class DirectivesError(FWDatasetError, ValueError):
    """A project's ``info.dataset`` is missing, or does not name a place."""


class FlywheelError(FWDatasetError):
    """The platform did not do what it was asked to.

    Attributes:
        status: the HTTP status of its answer, or None if there was none.
    """

    status: int | None = None


class ApiKeyError(FlywheelError, ValueError):
    """There is no API key, or it is not of the form ``site:key``."""


class FlywheelDeniedError(FlywheelError, PermissionError):
    """The platform does not know the API key, or it may not do this."""


class FlywheelNotFoundError(FlywheelError, ValueError):
    """The platform has no such thing."""


class ProjectNotFoundError(FlywheelNotFoundError):
    """There is no such project on the site."""


class StorageNotFoundError(FlywheelNotFoundError):
    """The site has no such storage, or it has been deleted."""


class FlywheelUnreachableError(FlywheelError, ConnectionError):
    """The platform could not be reached, or failed again and again.

    Attributes:
        sent: whether the request may have reached it.
    """

    sent: bool = True


class SnapshotCreationError(FlywheelError):
    """The platform failed to make a snapshot."""


class SnapshotTimeoutError(SnapshotCreationError, TimeoutError):
    """The platform was not done with a snapshot in time."""


class DownloadError(FlywheelError):
    """What the platform sent is not whole, however often it was asked."""


class DatasetInfoNotSavedError(FlywheelError):
    """The dataset was rendered and stands, but its project could not be told where.

    Attributes:
        dataset: the dataset that stands, a :class:`~fw_dataset.Dataset`; None once the error
            has travelled to another process.
    """

    def __init__(self, message: str, dataset: Any = None) -> None:
        self.dataset = dataset
        super().__init__(message)

    def __reduce__(self) -> tuple[type[DatasetInfoNotSavedError], tuple[str]]:
        # An open dataset does not travel; what happened does.
        return type(self), (str(self),)


class StorageError(FWDatasetError, OSError):
    """Bytes could not be read from or written to a storage."""


class UnsupportedLocationError(StorageError, ValueError):
    """The URL or storage type is not one that can be opened."""


class CredentialsError(StorageError, ValueError):
    """Credentials for a storage are missing, or are not of a form that is known."""


class BucketNotFoundError(StorageError, FileNotFoundError):
    """There is no such bucket or container; none is ever created."""


class ObjectNotFoundError(StorageError, FileNotFoundError):
    """There is no object of that key."""


class ObjectExistsError(StorageError, FileExistsError):
    """An object of that key exists already and was to be created."""


class StorageDeniedError(StorageError, PermissionError):
    """The storage refuses access."""


class StorageUnreachableError(StorageError, ConnectionError):
    """The storage could not be reached, or broke the connection again and again."""


class StorageTimeoutError(StorageError, TimeoutError):
    """The storage did not answer in time."""


class StorageFullError(StorageError):
    """The storage has no room left."""


def naming(known: Iterable[str], wanted: str) -> str:
    """Say in a few words what there is instead of ``wanted``, the likeliest first."""
    names = sorted(known)
    if not names:
        return "there are none"
    close = get_close_matches(wanted, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    shown = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
    return f"{hint}there are: {shown}"
