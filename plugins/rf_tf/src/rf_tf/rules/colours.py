"""Adjustments of colour images: pixel by pixel over the channels, contrast by the whole image."""

from __future__ import annotations

from rf_tf.call import Call, Rule

__all__ = ["RULES"]


def recoloured(call: Call) -> int:
    """Each channel of a pixel from all of its channels, and from numbers for the whole image."""
    parts = []
    if (image := call.node(0)) is not None:
        parts.append(call.builder.reduce(image, [len(call.shape) - 1], True, call.name))
    parts += [
        call.everything(n, call.shape)
        for n in map(call.node, range(1, len(call.inputs)))
        if n is not None
    ]
    return call.elementwise(parts, call.shape)


def contrasted(call: Call) -> int:
    """Each channel moved from, or to, its mean over height and width."""
    rank = len(call.shape)
    parts = []
    if (image := call.node(0)) is not None:
        parts += [image, call.builder.reduce(image, [rank - 3, rank - 2], True, call.name)]
    parts += [n for n in map(call.node, range(1, len(call.inputs))) if n is not None]
    return call.elementwise(parts, call.shape)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("RGBToHSV", "HSVToRGB", "AdjustHue", "AdjustSaturation"), recoloured),
    "AdjustContrastv2": contrasted,
}
