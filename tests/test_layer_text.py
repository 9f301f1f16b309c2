"""The text form of layers: what it means, and how errors in it are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rfcore
from rfcore.errors import LayerSpecError
from rfcore.layer_text import is_layer_text
from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    GlobalPooling,
    Identity,
    Normalization,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
    parse_layers,
)

TEXTS = {
    "conv 7": (Convolution(7),),
    "conv 7 s2 p3": (Convolution(7, stride=2, padding=3),),
    "conv 7 p3 s2": (Convolution(7, stride=2, padding=3),),
    "conv s2 p3 7": (Convolution(7, stride=2, padding=3),),
    "Conv 3 D2 SAME": (Convolution(3, padding="same", dilation=2),),
    "conv 3x5 s2x1 p1x2": (Convolution((3, 5), (2, 1), (1, 2)),),
    "conv 3×5": (Convolution((3, 5)),),
    "maxpool 3 s2 p1": (Pooling(3, stride=2, padding=1),),
    "avgpool 2": (Pooling(2, kind="average"),),
    "pool 3 s2 ceil": (Pooling(3, stride=2, ceil_mode=True),),
    "pool 2 same": (Pooling(2, padding="same"),),
    "deconv 4 s2 p1 d1 o1": (TransposedConvolution(4, 2, 1, 1, 1),),
    "up 2": (Upsampling(2),),
    "up 2 nearest": (Upsampling(2),),
    "up 2x3 linear": (Upsampling((2, 3), mode="linear"),),
    "pad 1": (Padding(1, 1),),
    "pad 2:0": (Padding(2, 0),),
    "pad 1x2:0x3": (Padding((1, 2), (0, 3)),),
    "pad 1:2 reflect": (Padding(1, 2, "reflect"),),
    "pad 2 edge, pad 1 circular": (Padding(2, 2, "edge"), Padding(1, 1, "circular")),
    "crop 2:1": (Cropping(2, 1),),
    "conv 3 g2": (Convolution(3, groups=2),),
    "up 2 cubic, up 3 aligned": (Upsampling(2, "cubic"), Upsampling(3, "aligned")),
    "every 3 o1": (Subsampling(3, start=1),),
    "every 2x1": (Subsampling((2, 1)),),
    "roll 2, flip": (Roll(2), Flip()),
    "shuffle 2, unshuffle 2x4": (DepthToSpace(2), SpaceToDepth((2, 4))),
    "globalpool": (GlobalPooling(),),
    "skip": (Identity(),),
    "relu, sigmoid": (Activation("relu"), Activation("sigmoid")),
    "batchnorm, instancenorm": (Normalization("batch"), Normalization("instance")),
    "[skip | globalpool, sigmoid]*": (
        Branches(((Identity(),), (GlobalPooling(), Activation("sigmoid"))), "multiply"),
    ),
    "[skip | conv 1] multiply": (Branches(((Identity(),), (Convolution(1),)), "multiply"),),
    "stem: conv 3, up 2": (Convolution(3, name="stem"), Upsampling(2)),
    "stem:conv 3": (Convolution(3, name="stem"),),
    " conv 3 ,\n conv 3 ": (Convolution(3), Convolution(3)),
    "[skip | conv 3 p1, conv 3 p1]+": (
        Branches(((Identity(),), 2 * (Convolution(3, padding=1),)), "add"),
    ),
    "[conv 1|conv 3 p1] add": (Branches(((Convolution(1),), (Convolution(3, padding=1),)), "add"),),
    "mix: [skip | conv 1 | a: conv 1] concat, conv 1": (
        Branches(
            ((Identity(),), (Convolution(1),), (Convolution(1, name="a"),)),
            "concatenate",
            name="mix",
        ),
        Convolution(1),
    ),
    "[skip | [skip | conv 1]+, relu]+": (
        Branches(
            ((Identity(),), (Branches(((Identity(),), (Convolution(1),))), Activation())),
        ),
    ),
}


@pytest.mark.parametrize(("text", "layers"), TEXTS.items(), ids=TEXTS)
def test_text_means_these_layers(text, layers):
    assert is_layer_text(text)
    assert parse_layers(text) == layers


# Each with what it says and what it suggests.
MISTAKES = {
    "": ("there is no layer", "write for example"),
    "  ": ("there is no layer", "write for example"),
    "covn 3": ("'covn' is not a layer", "did you mean 'conv'"),
    "conv3": ("'conv3' is not a layer", "did you mean 'conv'"),
    "zzz 3": ("'zzz' is not a layer", "known are conv, maxpool"),
    "conv": ("'conv' has no number for its kernel size", "write conv 3"),
    "conv s2 p1": ("'conv s2 p1' has no number for its kernel size", "write conv 3"),
    "every": ("'every' has no number for its step", "write every 2, then o1"),
    "conv 3 g2x1": (r"groups=\(2, 1\) is not one int", "write conv 3"),
    "up linear": ("'up linear' has no number for its scale", "write up 2"),
    "pad": ("'pad' has no number for its low", r"write pad 1 \(or 2:0\)"),
    "conv 3 q2": ("'q2' in 'conv 3 q2' is not an argument of conv", "s1, p1, d1, g1, same"),
    "conv 3.5": ("'3.5' in 'conv 3.5' is not an argument", "write conv 3"),
    "conv 3 s2.": ("'s2.' in 'conv 3 s2.' is not an argument", "write conv 3"),
    "conv 3x": ("'3x' in 'conv 3x' is not an argument", "write conv 3"),
    "conv 2:0": ("'2:0' in 'conv 2:0' is not an argument", "write conv 3"),
    "conv 3 s1:2": ("'s1:' does not belong there", "a comma between layers"),
    "conv 1234567890": ("'1234567890' in 'conv 1234567890' is not an argument", "write conv 3"),
    "up 2 area": ("'area' in 'up 2 area' is not an argument of up", "nearest, linear"),
    "globalpool 2": ("'2' in 'globalpool 2' is not an argument", r"write globalpool\."),
    "deconv 3 same": ("'same' in 'deconv 3 same' is not an argument", "s1, p1, d1, o1"),
    "conv 3 5": ("sets the kernel size a second time", "3x5"),
    "conv 3 s2 s3": ("'s3' in 'conv 3 s2 s3' sets the stride a second time", "3x5"),
    "conv 3 p1 same": ("sets the padding a second time", "3x5"),
    "conv 3 conv 3": ("'conv' in 'conv 3 conv 3' is not an argument", "a comma between layers"),
    "conv 3 a: conv 3": ("'a:' does not belong there", "a comma between layers"),
    "conv 0": ("in 'conv 0', kernel_size=0 is below 1", "write conv 3"),
    "conv -3": ("in 'conv -3', kernel_size=-3 is below 1", "write conv 3"),
    "conv 3 p-1": ("in 'conv 3 p-1', padding=-1 is below 0", "write conv 3"),
    "pad 2:-1": ("in 'pad 2:-1', high=-1 is below 0", "write pad 1"),
    "conv 3,": ("a layer is missing at the end", '"skip"'),
    ", conv 3": ("a layer is missing before ','", '"skip"'),
    "conv 3,, conv 3": ("a layer is missing before ','", '"skip"'),
    "a:": ("a layer is missing at the end", '"skip"'),
    "[ | conv 3]+": (r"a layer is missing before '\|'", '"skip"'),
    "[conv 3 | ]+": ("a layer is missing before ']'", '"skip"'),
    "[conv 3 | conv 3": ("the text ends before a bracket should close", r"\]\+"),
    "[conv 3 | [skip | conv 3]+": ("the text ends before a bracket should close", r"\]\+"),
    "[conv 3 | conv 3]": ("not said how the paths in brackets are joined", "concat"),
    "[conv 3 | conv 3] times": ("not said how the paths in brackets are joined", "concat"),
    "[conv 3]+": ("the brackets hold one path", r"\[skip \| conv 3 p1\]\+"),
    "conv 3]": ("']' does not belong there", "brackets around paths"),
    "conv 3 | conv 3": (r"'\|' does not belong there", "brackets around paths"),
    "conv 3 + conv 3": (r"'\+' does not belong there", "a comma between layers"),
    "a: conv 3, a: conv 3": ("2 layers have this name", "its own name"),
    "[skip | a: relu, a: relu]+": ("2 layers have this name", "its own name"),
}


@pytest.mark.parametrize(("text", "told"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_told_with_the_whole_text_and_a_hint(text, told):
    problem, hint = told
    with pytest.raises(LayerSpecError, match=problem) as raised:
        parse_layers(text)
    assert raised.value.text == text
    assert raised.match(hint)


def text_of_refusal(text):
    try:
        assert parse_layers(text)
    except LayerSpecError as error:
        return error.text
    return None


@given(st.text(alphabet="conv pad up skip 0123 x:sd,[]|+-é\n", max_size=40))
def test_any_text_is_read_or_refused(text):
    assert text_of_refusal(text) in (None, text)


def test_estimate_takes_text():
    field = rfcore.estimate("conv 7 s2 p3, maxpool 3 s2 p1", input_shape=(224, 224))
    assert (field.size, field.stride, field.padding) == ((11, 11), (4, 4), (5, 5))
    assert field.offset == (0.5, 0.5)
