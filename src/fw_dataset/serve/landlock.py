"""What Linux takes from a process that it cannot get back: Landlock, by its system calls.

The structures and numbers are those of ``linux/landlock.h``; the calls have the same numbers on
all architectures.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["restrict"]

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _BENEATH = 1, 1
_NO_NEW_PRIVILEGES = 38
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# EXECUTE … MAKE_SYM, then what later kernels know: REFER, TRUNCATE, IOCTL_DEV.
_RIGHTS_OF = ((1, 13), (2, 14), (3, 15), (5, 16))
_TCP, _SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def restrict(readable: Iterable[str]) -> int:
    """Let this thread, and those that it starts, read below the given paths and do nothing else.

    They can write, make, remove and run no file, and from Linux 6.7 on reach nothing by TCP; what
    is open already stays usable.

    Args:
        readable: files and folders; those that are not there are left out.

    Returns:
        The version of Landlock that holds, or 0 where the system has none.
    """
    if not sys.platform.startswith("linux"):
        return 0
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        version: int = libc.syscall(_CREATE, None, 0, _VERSION_FLAG)
    except (OSError, AttributeError):
        return 0
    if version < 1:
        return 0
    ruleset = _new_ruleset(libc, version)
    try:
        for path in readable:
            _allow_reading(libc, ruleset, path)
        if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the process cannot give up privileges")
        _call(libc, _RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _new_ruleset(libc: ctypes.CDLL, version: int) -> int:
    bits = max(bits for since, bits in _RIGHTS_OF if since <= version)
    wanted = _Ruleset(
        (1 << bits) - 1,
        _TCP if version >= _NETWORK_SINCE else 0,
        _SCOPES if version >= _SCOPES_SINCE else 0,
    )
    size = 24 if version >= _SCOPES_SINCE else 16 if version >= _NETWORK_SINCE else 8
    return _call(libc, _CREATE, ctypes.byref(wanted), size, 0)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        is_folder = Path(path).is_dir()
        rights = _READ_FILE | (_READ_DIR if is_folder else 0)
        rule = _PathBeneath(rights, handle)
        _call(libc, _ADD, ruleset, _BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(handle)


def _call(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    result: int = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock refuses (call {number})")
    return result
