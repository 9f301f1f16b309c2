"""Layers are checked when they are made."""

import pytest

from rfcore.errors import (
    LayerSpecError,
)
from rfcore.layers import (
    Branches,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    Identity,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)

REFUSED = {
    "kernel of 0": (lambda: Convolution(0), "kernel_size=0 is below 1"),
    "stride of 0": (lambda: Convolution(3, stride=0), "stride=0 is below 1"),
    "negative padding": (lambda: Pooling(3, padding=-1), "padding=-1 is below 0"),
    "on one axis": (lambda: Convolution((3, 0)), r"kernel_size=\(3, 0\) is below 1"),
    "empty tuple": (lambda: Convolution(()), r"kernel_size=\(\) is neither"),
    "float": (lambda: Convolution(3.0), "kernel_size=3.0 is neither an int nor a tuple"),
    "bool": (lambda: Convolution(True), "kernel_size=True is neither"),
    "list": (lambda: Pooling([2, 2]), r"kernel_size=\[2, 2\] is neither"),
    "another word": (lambda: Convolution(3, padding="valid"), "padding='valid' is neither"),
    "same for transposed": (lambda: TransposedConvolution(3, padding="same"), "'same' is neither"),
    "output padding": (lambda: TransposedConvolution(2, output_padding=-1), "output_padding=-1"),
    "pooling stride": (lambda: Pooling(2, stride=0), "stride=0 is below 1"),
    "mode": (lambda: Upsampling(2, mode="area"), "mode='area' is not known"),
    "fill": (lambda: Padding(1, mode="mirror"), "mode='mirror' is not known"),
    "groups": (lambda: Convolution(3, groups=0), "groups=0 is below 1"),
    "groups per axis": (lambda: Convolution(3, groups=(1, 2)), "is not one int"),
    "step of 0": (lambda: Subsampling(0), "step=0 is below 1"),
    "negative start": (lambda: Subsampling(2, -1), "start=-1 is below 0"),
    "negative shift": (lambda: Roll(-1), "shift=-1 is below 0"),
    "negative axis": (lambda: Flip(-1), "axes=-1 is below 0"),
    "shuffle by 0": (lambda: DepthToSpace(0), "scale=0 is below 1"),
    "unshuffle by 0": (lambda: SpaceToDepth(0), "scale=0 is below 1"),
    "scale": (lambda: Upsampling(0), "scale=0 is below 1"),
    "negative crop": (lambda: Cropping(1, -1), "high=-1 is below 0"),
    "negative pad": (lambda: Padding(-1), "low=-1 is below 0"),
    "name": (lambda: Convolution(3, name="conv 1"), "'conv 1' is not an identifier"),
    "one path": (lambda: Branches(((Convolution(3),),)), "fewer than two paths"),
    "join": (lambda: Branches(((), ()), join="sum"), "join='sum' is not known"),
    "path of ints": (lambda: Branches(((), (1,))), "it is not a layer"),
    "same name": (lambda: Branches(((), 2 * (Identity(name="a"),))), "2 layers have this name"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_layers_are_checked_when_made(make, message):
    with pytest.raises(LayerSpecError, match=message) as raised:
        make()
    assert raised.value.hint
