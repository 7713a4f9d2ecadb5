"""The claim: which writer is making a version, and whether it is still alive."""

from __future__ import annotations

import json
import os
import platform
import secrets
import time
from pathlib import Path

from fw_dataset.errors import (
    ObjectExistsError,
    ObjectNotFoundError,
    StorageError,
    VersionConflictError,
)
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import Storage

__all__ = [
    "LostClaimError",
    "abandon",
    "discard_dead_claim",
    "give_back",
    "holder",
    "is_being_deleted",
    "release",
    "remove_strays",
    "require",
    "take",
]

# No commit takes that long, and no machine's clock is that wrong.
_OLD_SECONDS = 48 * 3600
# What reading the claim of something else than this package may raise.
_NO_CLAIM = (ValueError, TypeError, KeyError, RecursionError, OverflowError)
_WRITTEN, _DELETED = "written", "deleted"
_abandoned: set[bytes] = set()


class LostClaimError(VersionConflictError):
    """Another writer has taken the claim over."""


def take(
    storage: Storage, layout: VersionLayout, *, discard: bool = False, doing: str = _WRITTEN
) -> bytes:
    """Claim a version for this process; the claim's content is returned.

    A claim of a process of this machine that is gone is taken over, and what it left is removed;
    so is one that is older than two days, or any with ``discard``. What is done to the version,
    ``"written"``, ``"changed"`` or ``"deleted"``, is told to those who come meanwhile.

    Raises:
        VersionConflictError: another writer is at it, or may be.
    """
    mine = json.dumps({"commit": secrets.token_hex(16), "doing": doing, **_identity()}).encode()
    with storage.exclusive():
        try:
            _get_hold(storage, layout, mine, discard=discard)
        except BaseException as error:
            _call_off(storage, layout, mine, error)
            raise
    return mine


def abandon(mine: bytes) -> None:
    """Let a claim stand that this process has no more use for; its next writer takes it over.

    So it is when nobody knows whether what was asked of the storage last is still to happen.
    """
    _abandoned.add(mine)


def require(storage: Storage, layout: VersionLayout, mine: bytes) -> None:
    """Make sure that the claim is still this writer's.

    Raises:
        LostClaimError: another writer took it for dead.
    """
    theirs = _read(storage, layout)
    if theirs != mine:
        who = "nobody" if theirs is None else _who(theirs)
        raise LostClaimError(
            f"version {layout.version!r} at {storage.url} is claimed by {who} now: this writer was"
            " taken for gone; render again"
        )


def release(storage: Storage, layout: VersionLayout, mine: bytes) -> None:
    """Give a claim back, unless it is another's by now or abandoned."""
    if mine not in _abandoned and _read(storage, layout) == mine:
        storage.delete(layout.claim)


def give_back(storage: Storage, layout: VersionLayout, mine: bytes) -> None:
    """Release a claim whose writer is done; where the storage fails, it is abandoned.

    Otherwise it would be a living writer's as long as this process runs.
    """
    try:
        release(storage, layout, mine)
    except StorageError:
        abandon(mine)
    except BaseException:
        abandon(mine)
        raise


def holder(storage: Storage, layout: VersionLayout) -> tuple[str, bool] | None:
    """Who has claimed a version, and whether that writer is gone; None if nobody has.

    One that is not known to be gone may be alive.
    """
    theirs = _read(storage, layout)
    return None if theirs is None else (_who(theirs), _is_dead(theirs) or _is_old(theirs))


def remove_strays(storage: Storage, layout: VersionLayout) -> None:
    """Remove files without a version: old readers would count them as rows."""
    keys = [item.key for item in storage.list(layout.root)]
    storage.delete_many([key for key in keys if key != layout.claim])


def discard_dead_claim(storage: Storage, layout: VersionLayout) -> None:
    """Remove what a killed writer left beside a version which it had committed."""
    if storage.exists(layout.claim):
        with storage.exclusive():
            theirs = _read(storage, layout)
            if theirs is not None and _is_dead(theirs):
                storage.sweep(layout.root)
                storage.delete(layout.claim)


def is_being_deleted(storage: Storage, layout: VersionLayout) -> bool:
    """Whether somebody who may be alive is about to delete a version."""
    theirs = _read(storage, layout)
    if theirs is None or _is_dead(theirs) or _is_old(theirs):
        return False
    return _doing(theirs) == _DELETED


def _get_hold(storage: Storage, layout: VersionLayout, mine: bytes, *, discard: bool) -> None:
    try:
        storage.put_if_absent(layout.claim, mine)
    except ObjectExistsError:
        theirs = _read(storage, layout)
    else:
        return
    if theirs is None:
        _put_again(storage, layout, mine)
    elif theirs == mine:
        pass  # it was stored, and asked for again when the connection broke
    elif discard or _is_dead(theirs) or _is_old(theirs):
        _take_over(storage, layout, theirs, mine)
    else:
        raise VersionConflictError(_busy(storage, layout, theirs))


def _put_again(storage: Storage, layout: VersionLayout, mine: bytes) -> None:
    """Claim a version whose claim was given back just now."""
    try:
        storage.put_if_absent(layout.claim, mine)
    except ObjectExistsError:
        raise _quicker(storage, layout) from None


def _call_off(storage: Storage, layout: VersionLayout, mine: bytes, error: BaseException) -> None:
    """Give back a claim that may be there all the same, when what failed came after."""
    if isinstance(error, Exception) or storage.native_path(layout.claim) is not None:
        give_back(storage, layout, mine)
    else:
        abandon(mine)  # nobody waits for a store that may not answer


def _read(storage: Storage, layout: VersionLayout) -> bytes | None:
    try:
        return storage.get(layout.claim)
    except ObjectNotFoundError:
        return None


def _take_over(storage: Storage, layout: VersionLayout, theirs: bytes, mine: bytes) -> None:
    """Take a claim over, which only one of those who try can; what its writer left is removed."""
    try:
        storage.replace(layout.claim, theirs, mine)
        if not storage.exists(layout.description):
            remove_strays(storage, layout)
            storage.sweep(layout.root)
    except (ObjectExistsError, ObjectNotFoundError):
        raise _quicker(storage, layout) from None


def _quicker(storage: Storage, layout: VersionLayout) -> VersionConflictError:
    return VersionConflictError(
        f"version {layout.version!r} at {storage.url} is being taken over by another writer"
    )


def _identity() -> dict[str, str | int]:
    pid = os.getpid()
    return {
        "host": platform.node(),
        "boot": _boot_id(),
        "pids": _pid_namespace(),
        "pid": pid,
        "started": _started(pid),
        "time": int(time.time()),
    }


def _is_dead(claim: bytes) -> bool:
    """Whether the claim's writer provably runs no more."""
    if claim in _abandoned:
        return True
    try:
        theirs = json.loads(claim)
        host, boot, pids = theirs["host"], theirs["boot"], theirs["pids"]
        pid, started = int(theirs["pid"]), theirs["started"]
    except _NO_CLAIM:
        return False
    if host != platform.node():
        return False
    if boot != _boot_id():
        return True  # this machine was started anew since
    if pids != _pid_namespace():
        return False  # a container of the same host name counts its processes for itself
    return bool(_started(pid) != started)


def _is_old(claim: bytes) -> bool:
    try:
        return bool(time.time() - float(json.loads(claim)["time"]) > _OLD_SECONDS)
    except _NO_CLAIM:
        return False


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process began, as its system counts; empty when it is gone."""
    try:
        # The second field, the command's name, may hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    except OSError:
        return _alive_elsewhere(pid)


def _alive_elsewhere(pid: int) -> str:
    """On systems without /proc: only whether it runs."""
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "running"
    return "running"


def _busy(storage: Storage, layout: VersionLayout, claim: bytes) -> str:
    return (
        f"version {layout.version!r} at {storage.url} is being {_doing(claim)} by {_who(claim)};"
        " wait for it, or if it is gone for good, discard its claim (discard_claim=True,"
        " --discard-claim)"
    )


def _doing(claim: bytes) -> str:
    """What is done to the version; claims that do not say it are those of renderings."""
    try:
        doing = json.loads(claim)["doing"]
    except _NO_CLAIM:
        return _WRITTEN
    return doing if isinstance(doing, str) and doing.isprintable() else _WRITTEN


def _who(claim: bytes) -> str:
    try:
        theirs = json.loads(claim)
        return f"process {int(theirs['pid'])} on {repr(theirs['host'])[1:-1]}"
    except _NO_CLAIM:
        return "another writer"
