"""Sampling an image at computed positions."""

from __future__ import annotations

from rf_torch.call import Call, Rule
from rf_torch.vjp import opaque_linear

__all__ = ["RULES"]


def grid_sample(call: Call) -> int | list[int]:
    """By a constant grid just the pixels with a weight; by another one any pixel at all."""
    image, grid = call.node(call["input"]), call.node(call["grid"])
    if grid is None and not call.tape.is_random(call["grid"]):
        return opaque_linear(call)
    count = len(call.shape) - 2
    parts = []
    if image is not None:
        parts.append(call.builder.mix(image, range(2, 2 + count), call.shape, call.name))
    if grid is not None:
        moved = call.builder.reduce(grid, [count + 1], False, call.name)
        single = (call.shape[0], 1, *call.shape[2:])
        parts.append(call.builder.reshape(moved, single, call.name))
    sampled = call.elementwise(parts, call.shape)
    if image is None:
        return sampled
    return call.bounded(
        sampled, "it samples at computed positions, so each output may see the whole image"
    )


RULES: dict[str, Rule] = {
    "aten.grid_sampler_2d": grid_sample,
    "aten.grid_sampler_3d": grid_sample,
    "aten.affine_grid_generator": opaque_linear,
}
