"""Tests that a project could have for its own models: run them with `pytest examples`."""

from rfcore.testing import assert_causal, assert_no_leak, assert_receptive_field

# A model of your framework goes here; written-out layers need none.
DETECTOR = "conv 7 s2 p3, maxpool 3 s2 p1, [skip | conv 3 p1, conv 3 p1]+, conv 3 s2 p1"
VOCODER = "pad 2:0, conv 3, pad 4:0, conv 3 d2, pad 8:0, conv 3 d4"
PATCHES = "conv 16 s16, conv 1"


def test_the_detector_sees_its_largest_anchor():
    assert_receptive_field(DETECTOR, at_least=32, stride=8, input_shape=(224, 224))


def test_the_vocoder_hears_nothing_of_the_future():
    assert_causal(VOCODER, input_shape=(16_000,))


def test_two_images_side_by_side_do_not_mix():
    assert_no_leak(PATCHES, axis=1, boundary=224, input_shape=(224, 448))
