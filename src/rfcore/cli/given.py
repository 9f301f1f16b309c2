"""Inputs from files: arrays of numpy, and pictures by way of Pillow.

Nothing is resized, cropped or normalised. Pictures become values from 0 to 1, in the model's own
layout; what else the model was trained on is the user's to prepare, as npy or npz.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfcore.errors import NoInputsError, RfcoreError, UnfitInputError
from rfcore.inputs import InputSpec

__all__ = ["GivenInputs"]

Array = NDArray[Any]

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
# Pillow's mode by number of channels.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class GivenInputs:
    """The inputs in a file or folder, each with the name of where it is from.

    Args:
        path: An npy or npz file, a picture, or a folder of npy files and pictures, which are taken
            in the order of their names.
        spec: The measured input.

    Raises:
        NoInputsError: There is none.
        RfcoreError: The path cannot be read as one of these.
    """

    def __init__(self, path: Path, spec: InputSpec) -> None:
        self.files = _files(path)
        self.spec = spec
        self.names: list[str] = []

    def __iter__(self) -> Iterator[Array]:
        """Reads one after the other; from here on the names of what was read are known."""
        self.names.clear()
        batch = self.spec.layout.index("N")
        for file in self.files:
            for name, array in self._arrays(file):
                batched = array.ndim == len(self.spec.shape)
                self.names += [name] * (array.shape[batch] if batched else 1)
                yield array

    @property
    def count(self) -> int | None:
        """How many inputs there are, where the names of the files tell."""
        pictures = all(file.suffix.lower() in PICTURES for file in self.files)
        return len(self.files) if pictures else None

    def _arrays(self, file: Path) -> Iterator[tuple[str, Array]]:
        if file.suffix.lower() not in (".npy", ".npz"):
            yield str(file), self._picture(file)
            return
        try:
            loaded = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise self._unreadable(file, error) from error
        if isinstance(loaded, np.ndarray):
            yield str(file), loaded
            return
        with closing(loaded):
            for name in loaded.files:
                try:
                    array = loaded[name]
                except (OSError, ValueError, EOFError) as error:
                    raise self._unreadable(file, error) from error
                yield f"{file}[{name}]", array

    def _picture(self, file: Path) -> Array:
        Image = _pillow()  # noqa: N806  (Pillow's own name)
        letters = self.spec.layout.replace("N", "")
        spatial = letters.replace("C", "")
        if len(spatial) != 2:
            problem = f"is a picture, {str(file)!r}, and the model's input has the axes {letters}"
            raise UnfitInputError(len(self.names), problem, "give arrays of its shape: npy or npz.")
        channels = self.spec.shape[self.spec.layout.index("C")] if "C" in letters else 1
        try:
            with Image.open(file) as opened:
                values = _values(opened, channels)
        except (OSError, ValueError, SyntaxError) as error:
            raise self._unreadable(file, error) from error
        if values is None:
            problem = f"is a picture, {str(file)!r}, and the model takes {channels} channels of it"
            raise UnfitInputError(len(self.names), problem, "give arrays of its shape: npy or npz.")
        self._check_size(file, values)
        ordered = np.moveaxis(values, 2, letters.index("C")) if "C" in letters else values[..., 0]
        return np.ascontiguousarray(ordered)

    def _check_size(self, file: Path, values: Array) -> None:
        height, width = self.spec.spatial_shape
        if values.shape[:2] == (height, width):
            return
        has = f"{values.shape[1]} x {values.shape[0]}"
        raise UnfitInputError(
            len(self.names),
            f"is a picture, {str(file)!r}, of {has} pixels (width x height), and the model was "
            f"asked about {width} x {height}",
            "pictures are neither resized nor cropped here, for that would change the answer: "
            f"bring them to {width} x {height} first, or ask about their size with --input-shape.",
        )

    def _unreadable(self, file: Path, error: Exception) -> UnfitInputError:
        told = (str(error) or type(error).__name__).splitlines()[0]
        hint = "give npy or npz files of numbers, or pictures; move others out of the folder."
        return UnfitInputError(len(self.names), f"cannot be read: {str(file)!r} ({told})", hint)


def _files(path: Path) -> list[Path]:
    kinds = (*PICTURES, ".npy")
    if not path.is_dir():
        if not path.exists():
            raise NoInputsError(
                f"there is no file or folder {str(path)!r}",
                "write --inputs random, normal or uniform, or the path of an npy or npz file, a "
                "picture, or a folder of pictures.",
            )
        if path.suffix.lower() not in (*kinds, ".npz"):
            raise NoInputsError(
                f"{str(path)!r} is no npy, npz or picture",
                f"write --inputs with a file that ends in npy, npz or {_listed(PICTURES)}.",
            )
        return [path]
    entries = sorted(path.iterdir())
    found = [
        entry
        for entry in entries
        if entry.is_file() and entry.suffix.lower() in kinds and not entry.name.startswith(".")
    ]
    if found:
        return found
    folders = [entry for entry in entries if entry.is_dir()]
    holds = "is empty" if not entries else "holds no picture and no npy file"
    raise NoInputsError(
        f"the folder {str(path)!r} {holds}",
        f"name the folder that holds the files, for example --inputs {folders[0]}."
        if folders
        else f"put files there that end in npy or {_listed(PICTURES)}.",
    )


def _values(picture: Any, channels: int) -> Array | None:
    """(height, width, channels) between 0 and 1; None where a picture has no such channels."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        # Floating-point pictures are taken as they are, those of 16 bits have their own range.
        values = np.asarray(picture)
        if channels != 1:
            return None
        return values[..., None] if picture.mode == "F" else values[..., None] / 65535
    if channels not in MODES:
        return None
    values = np.asarray(picture.convert(MODES[channels]), np.float32) / 255
    return values[..., None] if channels == 1 else values


class PillowMissingError(RfcoreError):
    """Pictures cannot be read."""

    def __init__(self) -> None:
        super().__init__(
            "Pictures are read with Pillow, which is not installed.", "pip install 'rfcore[plot]'"
        )


def _pillow() -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise PillowMissingError from error
    return Image


def _listed(endings: tuple[str, ...]) -> str:
    return ", ".join(ending.removeprefix(".") for ending in endings)
