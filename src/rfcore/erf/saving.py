"""The file: an npz of plain arrays, replaced in one step and read without pickle.

It holds the map's sum, `total`, and `about`, JSON text with everything else. A reader sees the old
file or the new one, never a part of one: the new one is written beside it and put in its place.
"""

from __future__ import annotations

import json
import os
import secrets
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from rfcore.erf.moments import Map
from rfcore.errors import EffectiveFormatError, SavePathError

__all__ = ["check_path", "load", "save"]

# Everything that numpy, zipfile and json raise over bytes that are no such file.
UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    MemoryError,
    OverflowError,
)


def check_path(path: str | Path) -> Path:
    """The path to write to, if its folder is there: nobody wants to learn that after an hour.

    Raises:
        SavePathError: Nothing can be written there.
    """
    place = Path(os.path.realpath(path))
    if place.is_dir():
        raise SavePathError(place, "it is a folder")
    if not place.parent.is_dir():
        raise SavePathError(place, f"there is no folder {str(place.parent)!r}")
    if not os.access(place.parent, os.W_OK):
        raise SavePathError(place, f"the folder {str(place.parent)!r} may not be written")
    return place


def save(path: str | Path, total: Map, about: dict[str, Any]) -> Path:
    """Writes the file, in one step as far as any reader can tell.

    Raises:
        SavePathError: It cannot be written there.
    """
    place = check_path(path)
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(beside, "xb") as file:
            np.savez(file, total=total, about=np.array(json.dumps(about)))
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, place)
    except OSError as error:
        raise SavePathError(place, str(error)) from error
    finally:
        # After os.replace there is none; after an interrupt anywhere above there may be.
        beside.unlink(missing_ok=True)
    return place


def load(path: str | Path) -> tuple[Map, Any]:
    """The two parts of a file: the map's sum, and what its JSON text says.

    Raises:
        EffectiveFormatError: It is no such file, or damaged.
    """
    hint = "give a file that EffectiveReceptiveField.save, or save=, wrote."
    try:
        # Given a path numpy leaves the file open where it is damaged.
        with open(path, "rb") as opened:
            return _parts(np.load(opened, allow_pickle=False))
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise EffectiveFormatError(repr(str(path)), reason.splitlines()[0], hint) from error


def _parts(file: Any) -> tuple[Map, Any]:
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError("it is a single array")
    missing = {"total", "about"} - set(file.files)
    if missing:
        raise ValueError(f"it has no {' and no '.join(sorted(missing))}")
    total, about = file["total"], file["about"]
    # Of a zip's other entries numpy gives the bytes.
    if not isinstance(total, np.ndarray) or not isinstance(about, np.ndarray):
        raise ValueError("what it holds are no arrays")
    if about.dtype.kind != "U" or about.shape:
        raise ValueError("what it says about itself is no text")
    return total, json.loads(str(about))
