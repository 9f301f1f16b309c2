"""The result: a mean map of gradient magnitudes, and what can be measured on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as entry
from pathlib import Path
from typing import Any, Self

import numpy as np

from rfcore.erf import reading, saving, showing
from rfcore.erf.areas import AreaRatio, RadialProfile, area_ratios, luo_count, radial_profile
from rfcore.erf.gaussian import GaussianFit, gaussian_fit
from rfcore.erf.moments import Map, centroid, covariance, positions
from rfcore.erf.replknet import REPLKNET, ScriptRatio, replknet_area_ratios
from rfcore.erf.setting import Setting
from rfcore.errors import DeadGradientError, MeasureError
from rfcore.field import ReceptiveField

__all__ = ["EffectiveReceptiveField"]

THRESHOLDS = (0.2, 0.3, 0.5, 0.99)


@dataclass(frozen=True, slots=True, eq=False)
class EffectiveReceptiveField:
    """The effective receptive field of one unit: how strongly it depends on which pixel.

    It is a measurement on the model's own weights and the given inputs, not a property of the
    architecture alone. Pixel i covers [i, i+1), and centres are in such coordinates.

    Attributes:
        total: Sum over inputs of the aggregated gradient, float64 of shape (*spatial).
        count: How many inputs that is.
        center: The unit's true centre per axis in pixels: that of its exact field, or the middle
            of the input where there is none, as a note then says.
        setting: What was measured.
        field: The exact receptive field, where it can be told.
        skipped: Inputs left out because they, or the gradient at them, were not finite.
        complete: Whether all inputs that were asked for have been taken.
        notes: What a reader should know about how it was had.
        digest: Hash over the inputs that were taken, by which a continuation knows them again.
        first: Number of the first input that was measured, and the mass of its map, by which a
            continuation knows the model again.
    """

    total: Map
    count: int
    center: tuple[float, ...]
    setting: Setting = entry(default_factory=Setting)
    field: ReceptiveField | None = None
    skipped: int = 0
    complete: bool = True
    notes: tuple[str, ...] = ()
    digest: str = ""
    first: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        total = np.array(self.total, np.float64)
        if total.ndim == 0 or total.size == 0 or total.ndim != len(self.center):
            raise ValueError(f"a map of shape {total.shape} has no centre {self.center}")
        if not np.isfinite(total).all() or (total < 0).any():
            raise ValueError("a map holds magnitudes: finite, and none below zero")
        if self.count < 1 or self.skipped < 0:
            raise ValueError(f"{self.count} inputs measured, {self.skipped} skipped")
        if not all(map(math.isfinite, self.center)):
            raise ValueError(f"the centre {self.center} is not finite")
        if self.field is not None and self.field.input_shape != total.shape:
            raise ValueError(f"a map of shape {total.shape} for inputs {self.field.input_shape}")
        total.setflags(write=False)
        object.__setattr__(self, "total", total)

    def __eq__(self, other: object) -> bool:
        """Whether two are the same to the last bit, notes and all."""
        if not isinstance(other, EffectiveReceptiveField):
            return NotImplemented
        return np.array_equal(self.total, other.total) and self.about() == other.about()

    # A value that holds an array has no hash.
    __hash__ = None  # type: ignore[assignment]

    @property
    def map(self) -> Map:
        """Mean over inputs of the aggregated gradient, float64 of shape (*spatial)."""
        return self.total / self.count

    @property
    def aggregate(self) -> str:
        """The rule that made magnitudes of gradients; maps of different rules do not compare."""
        return self.setting.aggregate

    @property
    def index(self) -> tuple[int, ...]:
        """The unit that was measured."""
        return self.setting.index

    @property
    def channels(self) -> tuple[int, ...] | None:
        """Its channels; None for all."""
        return self.setting.channels

    @property
    def output(self) -> str | int | None:
        """The layer or output that the unit is in."""
        return self.setting.output

    @property
    def backend(self) -> str:
        """The backend that measured it."""
        return self.setting.backend

    @property
    def inputs(self) -> str:
        """What it was measured on."""
        return self.setting.inputs

    @property
    def mass(self) -> float:
        """Sum of the map; 0 for a dead unit, which has no other measure."""
        return float(self.map.sum())

    @property
    def centroid(self) -> tuple[float, ...]:
        """Mean position per axis, in pixels, weighted by the map."""
        return centroid(self._shape())

    @property
    def covariance(self) -> Map:
        """Covariance of position, axes by axes, in pixels²."""
        return covariance(self._shape())

    @property
    def sigma(self) -> tuple[float, ...]:
        """Standard deviation per axis in pixels, around the centroid."""
        return tuple(float(value) for value in np.sqrt(np.diag(self.covariance)))

    @property
    def luo_count(self) -> int:
        """Pixels above 0.0455 of the value at the centre (Luo et al., NIPS 2016).

        Raises:
            MeasureError: The map is zero at its centre.
        """
        return luo_count(self._shape(), self.center)

    @property
    def luo_size(self) -> float:
        """The side in pixels of a square (interval, cube) of `luo_count` pixels."""
        return float(self.luo_count ** (1 / self.total.ndim))

    @property
    def ratio(self) -> float | None:
        """`luo_size` relative to the exact field of the unit; None where that is unknown.

        The size of the exact field is the side of a square with as many pixels as its box.
        """
        box = self.box
        if box is None:
            return None
        side: float = math.prod(hi - lo for lo, hi in box) ** (1 / len(box))
        return self.luo_size / side

    @property
    def box(self) -> tuple[tuple[int, int], ...] | None:
        """The exact field of the unit, one unclipped (lo, hi) per axis; None where unknown."""
        if self.field is None or not reading.is_inside(self.index, self.field.output_shape):
            return None
        return self.field.box(self.index)

    def area_ratios(self, thresholds: Sequence[float] = THRESHOLDS) -> tuple[AreaRatio, ...]:
        """For each share of the mass, the smallest centred square and disc that hold it.

        Raises:
            NumberError: A threshold is not above 0 and at most 1.
        """
        return area_ratios(self._shape(), self.center, thresholds)

    def radial_profile(self) -> RadialProfile:
        """The mean of the map in rings around the centre, one pixel wide."""
        return radial_profile(self._alive(), self.center)

    def gaussian_fit(self) -> GaussianFit:
        """The Gaussian that is nearest to the map, with its relative error.

        Raises:
            MeasureError: The map is flat along an axis.
        """
        fit = gaussian_fit(self._shape())
        return replace(fit, amplitude=fit.amplitude * float(self.map.max()))

    def replknet_area_ratios(
        self, thresholds: Sequence[float] = THRESHOLDS
    ) -> tuple[ScriptRatio, ...]:
        """The figures of the RepLKNet authors' script, on a map of `effective_replknet`.

        Raises:
            MeasureError: The map was measured otherwise, or has not two axes.
        """
        if self.aggregate != REPLKNET:
            raise MeasureError(
                "RepLKNet area ratio",
                f"it was measured with aggregate={self.aggregate!r}, and the script's logarithm "
                "depends on the scale of its own gradient",
                "measure it with rfcore.effective_replknet, or take area_ratios().",
            )
        return replknet_area_ratios(self._alive(), thresholds)

    def offsets(self, axis: int) -> Map:
        """How far the middles of an axis' pixels are from the centre, in pixels."""
        return positions(self.total.shape[axis]) - self.center[axis]

    def _alive(self) -> Map:
        values = self.map
        if not values.any():
            raise DeadGradientError(self.count, self.aggregate)
        return values

    def _shape(self) -> Map:
        """The map up to a factor, for measures that do without: products cannot underflow."""
        values = self._alive()
        shape: Map = values / values.max()
        return shape

    def about(self) -> dict[str, Any]:
        """Everything but the map, as a dict of JSON types."""
        return {
            "schema": reading.SCHEMA,
            "count": self.count,
            "skipped": self.skipped,
            "complete": self.complete,
            "center": list(self.center),
            "setting": self.setting.to_dict(),
            "field": self.field and self.field.to_dict(),
            "notes": list(self.notes),
            "digest": self.digest,
            "first": self.first and list(self.first),
        }

    def measures(self) -> dict[str, Any]:
        """What is measured on the map, as a dict of JSON types; None for what it has not."""
        return showing.measures(self)

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types that `from_dict` reads back; `total` is the sum over inputs."""
        return self.about() | {"measures": self.measures(), "total": self.total.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` wrote.

        Raises:
            EffectiveFormatError: Not one, or of another version.
        """
        return reading.read(cls, "This", data, lambda: data["total"])

    def save(self, path: str | Path) -> Path:
        """Writes a file that `load` and `resume=` read, replacing an older one in one step.

        Returns:
            Where it lies.

        Raises:
            SavePathError: It cannot be written there.
        """
        return saving.save(path, self.total, self.about())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads what `save` wrote; nothing is ever unpickled.

        Raises:
            EffectiveFormatError: Not such a file, cut off, damaged, or of another version.
        """
        total, about = saving.load(path)
        return reading.read(cls, repr(str(path)), about, lambda: total)

    def __repr__(self) -> str:
        return showing.one_line(self)

    def __str__(self) -> str:
        return showing.table(self)

    def _repr_html_(self) -> str:
        return showing.html(self)
