"""A connection to a site, by Flywheel's own client: requests, repeated where that may help."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import dumps
from typing import Any, Protocol
from urllib.parse import quote

from fw_dataset import __version__
from fw_dataset.errors import (
    FlywheelError,
    FlywheelUnreachableError,
    InvalidArgumentError,
    MissingExtraError,
)
from fw_dataset.flywheel.answers import failure, parsed
from fw_dataset.flywheel.keys import ApiKey
from fw_dataset.flywheel.retries import Retries, asked_to_wait

__all__ = ["Connection", "StreamedAnswer", "address", "is_uncertain"]

_TIMEOUTS = (10.0, 60.0, 60.0, 120.0)  # seconds: connect, read, write, wait for a free connection
_AT_ONCE = 10
_CONNECTIONS = 3
_PAGE = 100
_FEATURES = "safe-redirect, subject-container"
# A request that never left cannot have been carried out, and these were turned away unread.
_UNKNOWN = float("inf")
_NOT_CARRIED_OUT = frozenset({429, 503})


class StreamedAnswer(Protocol):
    """What is used of an answer whose body is yet to come."""

    status_code: int
    headers: Mapping[str, str]

    def iter_raw(self, chunk_size: int | None) -> Iterator[bytes]:
        """The body as it was sent; in the pieces in which it comes, if no size is given."""

    def read(self) -> bytes:
        """The whole body."""


def address(*parts: str) -> str:
    """A path of these parts, each of them quoted.

    Raises:
        InvalidArgumentError: a part is empty or means another place.
    """
    for part in parts:
        if part in ("", ".", ".."):
            raise InvalidArgumentError(f"{part!r} is no id")
    return "".join(f"/{quote(part, safe='', errors='surrogatepass')}" for part in parts)


def is_uncertain(error: FlywheelUnreachableError) -> bool:
    """Whether the request may have been carried out although it failed."""
    return error.sent and error.status not in _NOT_CARRIED_OUT


class Connection:
    """A connection to a site with an API key. Safe to share among threads.

    At most 10 requests are under way at once.

    Args:
        key: the key, with the site's address.
        retries: how patient to be.

    Raises:
        MissingExtraError: Flywheel's client is not installed.
    """

    def __init__(self, key: ApiKey, retries: Retries | None = None) -> None:
        self._retries = retries or Retries()
        self._key = key
        self._package = _fw_client()
        self._closed = threading.Event()
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._client = self._package.FWClient(
            # The one way to name the site that all its releases know.
            api_key=f"{self._key.url}:{self._key.secret}",
            client_name="fw-dataset",
            client_version=__version__,
            timeout=_TIMEOUTS,
        )
        # Who forgets to close it leaves no open sockets all the same.
        weakref.finalize(self, self._client.close)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def begin_anew(self) -> None:
        """Open connections of its own, in a process that was forked.

        Two processes on one connection would get each other's answers.
        """
        closed, self._closed = self._closed.is_set(), threading.Event()
        self._begin()
        if closed:
            self.close()

    def __repr__(self) -> str:
        return f"Connection({self._key.url!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a connection holds an API key and is not pickled; make it where it works")

    @property
    def host(self) -> str:
        """The site's host, without a port."""
        return self._key.host

    @property
    def secret(self) -> str:
        """The API key, to be kept out of messages."""
        return self._key.secret

    def close(self) -> None:
        """End the connection; nothing more is asked, by other threads neither."""
        self._closed.set()
        self._client.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        what: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
        private: bool = False,
    ) -> Any:
        """The JSON that the platform answers, or None for an empty answer.

        Args:
            method: ``"GET"``, ``"POST"`` or ``"PATCH"``.
            path: below the site's address, from ``/api``, ``/xfer`` or ``/snapshot`` on.
            what: what is asked for, for messages.
            params: the query.
            json: the body.
            headers: more headers.
            repeat: whether the request may be carried out twice; if not, it is repeated only
                after it certainly was not.
            private: what the site says of a failure is kept out of the error.

        Raises:
            FlywheelDeniedError: the key is not known or may not do this.
            FlywheelNotFoundError: there is no such thing.
            FlywheelUnreachableError: the site cannot be reached, or fails again and again.
            FlywheelError: it answers anything else.
        """
        extra: dict[str, Any] = {"params": params, "headers": dict(headers or {})}
        if json is not None:
            # In ASCII: an unpaired surrogate in a name has no bytes, but an escape.
            extra["content"] = dumps(json).encode()
            extra["headers"]["content-type"] = "application/json"
        repetition = 0
        while True:
            repetition += 1
            answer, error = self._once(method, path, what, extra)
            if answer is not None and 200 <= answer.status_code < 300:
                return parsed(answer.content, what)
            asked = None
            if answer is not None:
                # What is said of something private may repeat it.
                said = b"" if private else answer.content
                error = failure(answer.status_code, said, what, secret=self.secret)
                asked = asked_to_wait(answer.headers)
            assert error is not None
            self.wait_to_repeat(error, repetition, asked, certain=repeat)

    def ask_record(self, method: str, path: str, *, what: str, **options: Any) -> dict[str, Any]:
        """The record that the platform answers.

        Raises:
            FlywheelError: as for :meth:`ask`; or the answer is no record.
        """
        answer = self.ask(method, path, what=what, **options)
        if not _is_record(answer):
            raise FlywheelError(f"{what}: the answer is not a record with an _id")
        record: dict[str, Any] = answer
        return record

    def wait_to_repeat(
        self,
        error: FlywheelError,
        repetition: int,
        asked: float | None = None,
        *,
        certain: bool = True,
    ) -> None:
        """Pause before a request is repeated.

        Raises:
            FlywheelError: the error, as repeating would not help or was done often enough.
        """
        pause: float | None = None
        if isinstance(error, FlywheelUnreachableError) and (certain or not is_uncertain(error)):
            pause = self._retries.pause(repetition, asked)
            # The site's name may be wrong: then nobody should wait long to be told so.
            if not error.sent and repetition >= _CONNECTIONS:
                pause = None
        if pause is None:
            if asked is not None and asked > self._retries.patience:
                raise _waiting_long(error, asked) from None
            raise error from None
        if self._closed.wait(pause):
            raise self._ended() from None

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the connection.

        Raises:
            FlywheelError: it was closed meanwhile.
        """
        if self._closed.wait(seconds):
            raise self._ended()

    @contextmanager
    def stream(
        self, path: str, *, what: str, headers: Mapping[str, str]
    ) -> Iterator[StreamedAnswer]:
        """An answer of any status, with its body to come. Nothing is repeated.

        Raises:
            FlywheelUnreachableError: the connection cannot be made, or breaks.
        """
        with self._slots:
            if self._closed.is_set():
                raise self._ended()
            try:
                answer = self._send("GET", path, stream=True, headers=dict(headers))
                try:
                    yield answer
                finally:
                    answer.close()
            except self._foreign as error:
                raise self._broken(error, what) from None

    def pages(self, path: str, *, what: str, **params: Any) -> Iterator[dict[str, Any]]:
        """The records of a list, page by page as they are wanted.

        Sites answer with pages or, where they know none, with the whole list.

        Raises:
            FlywheelError: as for :meth:`ask`.
        """
        seen: set[str] = set()
        after: dict[str, str | int] = {}
        while True:
            query = {**params, "limit": _PAGE, **after}
            features = {"x-accept-feature": f"pagination, {_FEATURES}"}
            answer = self.ask("GET", path, what=what, params=query, headers=features)
            records, total = _page(answer, what)
            new = [record for record in records if record["_id"] not in seen]
            seen.update(record["_id"] for record in new)
            yield from new
            if len(seen) >= total or (not new and total == _UNKNOWN) or len(records) > _PAGE:
                return
            if new:
                after = {"after_id": new[-1]["_id"]} if "skip" not in after else {"skip": len(seen)}
            elif "skip" in after:
                raise FlywheelError(
                    f"{what}: the site says there are {total:,}, and lists {len(seen):,}"
                )
            else:
                # A site that does not know `after_id` sends the same again.
                after = {"skip": len(seen)}

    def _once(
        self, method: str, path: str, what: str, extra: dict[str, Any]
    ) -> tuple[Any, FlywheelError | None]:
        with self._slots:
            if self._closed.is_set():
                raise self._ended()
            try:
                return self._send(method, path, **extra), None
            except self._foreign as error:
                return None, self._broken(error, what)

    @property
    def _foreign(self) -> tuple[type[Exception], ...]:
        return self._package.errors.RequestError, self._package.errors.InvalidURL

    def _send(self, method: str, path: str, *, stream: bool = False, **options: Any) -> Any:
        """One request, with the client's session.

        Not by its own ``request``, which repeats neither PATCH nor as late as Retry-After asks, and
        logs an error each time.
        """
        options["headers"] = {"x-accept-feature": _FEATURES, **options["headers"]}
        # A whole address: releases before 2.1 know no /snapshot on hosts without a dot.
        request = self._client.build_request(method, self._key.url + path, **options)
        return self._client.send(request, stream=stream)

    def _ended(self) -> FlywheelError:
        return FlywheelError(f"the connection to {self._key.url} was closed; open another one")

    def _broken(self, error: Exception, what: str) -> FlywheelError:
        """What went wrong on the way; the foreign message may hold an address, never a key."""
        kinds = self._package.errors
        reason = " ".join(str(error.args[0] if error.args else "").split())
        reason = reason.replace(self.secret, "…") or type(error).__name__
        if not isinstance(error, kinds.TransportError):
            return FlywheelError(f"{what}: {self._key.url} does not answer as it should ({reason})")
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            return FlywheelError(
                f"{what}: the certificate of {self._key.url} is not trusted;"
                " name your authority's with SSL_CERT_FILE"
            )
        if isinstance(error, kinds.TimeoutException) and not isinstance(
            error, kinds.ConnectTimeout
        ):
            return FlywheelUnreachableError(f"{what}: {self._key.url} did not answer in time")
        message = f"{what}: {self._key.url} cannot be reached ({reason})"
        if isinstance(error, kinds.ConnectError | kinds.ConnectTimeout):
            unreachable = FlywheelUnreachableError(message)
            unreachable.sent = False
            return unreachable
        return FlywheelUnreachableError(
            f"{what}: the connection to {self._key.url} broke ({reason})"
        )


def _waiting_long(error: FlywheelError, asked: float) -> FlywheelError:
    longer = FlywheelUnreachableError(f"{error}; the site asks to wait {asked:,.0f} s")
    longer.status = error.status
    return longer


def _page(answer: Any, what: str) -> tuple[list[dict[str, Any]], float]:
    """The records of an answer, and how many there are in all where it says so."""
    total = _UNKNOWN
    if isinstance(answer, dict):
        given = answer.get("total")
        total = given if isinstance(given, int) else total
        answer = answer.get("results")
    if not isinstance(answer, list) or not all(map(_is_record, answer)):
        raise FlywheelError(f"{what}: the answer is not a list of records")
    return answer, total


def _is_record(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("_id"), str)


_all: weakref.WeakSet[Connection] = weakref.WeakSet()


def _after_fork() -> None:
    for connection in list(_all):
        connection.begin_anew()


os.register_at_fork(after_in_child=_after_fork)


def _fw_client() -> Any:
    try:
        # The package and its HTTP client are loaded only by who speaks to a site.
        import fw_client  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "speaking to a Flywheel site needs Flywheel's client:"
            f" pip install 'fw-dataset[flywheel]' ({error.name or error} is missing)"
        ) from None
    return fw_client
