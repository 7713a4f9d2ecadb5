"""Progress bars on a terminal."""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fw_dataset.render.progress import Progress

__all__ = ["ProgressBars"]

_LOGGER = logging.getLogger(__name__)
_MB = 1e6
_TITLES = {
    "snapshot": "waiting for a snapshot",
    "download": "fetching the snapshot",
    "decompress": "unpacking the snapshot",
    "derive": "deriving tables",
    "tabular": "reading CSV files",
    "profile": "profiling",
    "publish": "writing the version",
    "migrate": "copying latest/",
}
_HEAD, _TIMES = "{desc} {percentage:3.0f}% {bar}", "[{elapsed}, {remaining} left]"
_BYTES = _HEAD + " {n:,.1f} of {total:,.1f} MB " + _TIMES
_ROWS = _HEAD + " {n:,} of {total:,} rows{postfix} " + _TIMES
_OPEN = "{desc} {n:,.1f} MB [{elapsed}]"
_WAITING = "{desc} [{elapsed}]"


class ProgressBars:
    """One bar for each stage and table, gone when it is done; nothing off a terminal.

    Use it as a context manager, and call it with each :class:`~fw_dataset.Progress`.

    Attributes:
        rendered: whether anything was rendered, rather than found there.
    """

    def __init__(self) -> None:
        self.rendered = False
        self._shown = sys.stderr.isatty()
        self._key: tuple[str, str | None] | None = None
        self._last: Progress | None = None
        self._bar: Any = None

    def __enter__(self) -> ProgressBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._end()

    def __call__(self, progress: Progress) -> None:
        """Show a moment of the work."""
        self.rendered = self.rendered or progress.is_rendering
        key = (progress.stage, progress.table)
        if key != self._key:
            self._end()
            self._key = key
            self._bar = self._begin(progress) if self._shown else None
        self._last = progress
        if self._bar is not None:
            self._show(progress)

    def _begin(self, progress: Progress) -> Any:
        from tqdm import tqdm

        # Its watching thread would only refresh bars that nothing moves.
        tqdm.monitor_interval = 0
        rows = progress.total_rows is not None
        total = progress.total_rows if rows else _megabytes(progress.total_bytes)
        shape = _ROWS if rows else _BYTES if total is not None else _OPEN
        if progress.stage == "snapshot":
            shape = _WAITING
        title = progress.table or _TITLES.get(progress.stage, progress.stage)
        return tqdm(
            desc=title.ljust(22),
            total=total,
            bar_format=shape,
            file=sys.stderr,
            leave=False,
            dynamic_ncols=True,
            ascii=None if _encodes("█") else "-#",
        )

    def _show(self, progress: Progress) -> None:
        done = progress.rows if progress.total_rows is not None else progress.bytes / _MB
        if progress.total_rows is not None:
            self._bar.set_postfix_str(f"{progress.bytes / _MB:,.1f} MB", refresh=False)
        self._bar.update(done - self._bar.n)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._last is not None:
            last = self._last
            what = f"{last.stage} {last.table}: {last.rows} rows" if last.table else last.stage
            _LOGGER.info("%s, %.1f MB", what, last.bytes / _MB)
            self._last = None


def _megabytes(size: int | None) -> float | None:
    return None if size is None else size / _MB


def _encodes(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
