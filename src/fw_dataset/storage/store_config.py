"""Which object store to open, and with what: a value that keeps its secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from fw_dataset.errors import CredentialsError, UnsupportedLocationError

__all__ = ["Kind", "SecretOptions", "StoreConfig"]

Kind = Literal["s3", "gcs", "azure", "local"]


class SecretOptions(Mapping[str, Any]):
    """Options by name, some of them secret: none is shown, and they cannot be pickled."""

    __slots__ = ("_options",)

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = dict(options)

    def __getitem__(self, name: str) -> Any:
        return self._options[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)

    def __repr__(self) -> str:
        return f"<{len(self)} options, not shown>"

    # `dataclasses.asdict` copies deeply: what it makes keeps its secrets, too.
    def __copy__(self) -> SecretOptions:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SecretOptions:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials cannot be pickled: make them anew in the other process")


@dataclass(frozen=True, repr=False)
class StoreConfig:
    """A place in a store, and how to get in.

    Attributes:
        kind: the kind of store.
        bucket: the bucket or container; of ``local``, the folder.
        prefix: the place in the bucket, ``""`` or as ``"a/b"``, not percent-encoded.
        url: the place for people, without any secret; it opens the same place again.
        options: keyword arguments for obstore's store. Secret.
        tried: where the credentials come from, for messages.
    """

    kind: Kind
    bucket: str
    prefix: str
    url: str
    options: Mapping[str, Any] = field(hash=False)
    tried: str

    def __post_init__(self) -> None:
        if not isinstance(self.options, SecretOptions):
            object.__setattr__(self, "options", SecretOptions(self.options))

    def __repr__(self) -> str:
        return f"StoreConfig(kind={self.kind!r}, url={self.url!r})"

    def __copy__(self) -> StoreConfig:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> StoreConfig:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be pickled: it holds credentials; make it anew instead")

    def open(self, *, client_options: Mapping[str, Any] | None = None, **settings: Any) -> object:
        """The store of obstore, below the prefix; nothing is asked of it yet.

        Args:
            client_options: added to those that the credentials bring.
            settings: further keyword arguments for the store, as ``retry_config``.

        Raises:
            CredentialsError: the store does not take the credentials.
            UnsupportedLocationError: it is a local folder, which needs no object store.
        """
        if self.kind == "local":
            raise UnsupportedLocationError(f"{self.url}: a folder is no object store")
        from obstore.exceptions import BaseError  # noqa: PLC0415 - loads obstore
        from obstore.store import AzureStore, GCSStore, S3Store  # noqa: PLC0415

        make: Any = {"s3": S3Store, "gcs": GCSStore, "azure": AzureStore}[self.kind]
        options = {**self.options, **settings}
        options["client_options"] = {
            **self.options.get("client_options", {}),
            **(client_options or {}),
        }
        try:
            return make(self.bucket, prefix=self.prefix or None, **options)
        except (BaseError, OSError, TypeError, ValueError):
            pass  # its words and its context may hold what was given
        raise CredentialsError(
            f"{self.url}: the store does not take these credentials ({self.tried});"
            " check each for being whole, and the environment for others"
        )
