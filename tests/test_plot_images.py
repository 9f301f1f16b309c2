"""Images to draw on: of any size, cut and not squeezed, and refused where they are none."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from PIL import Image

import rfcore
from rfcore.errors import PlotError
from rfcore.plot import checkerboard, grid, read_image, sample_image

FIELD = rfcore.estimate("conv 3", input_shape=(8, 12))


@pytest.mark.parametrize("size", [(224, 224), (7, 300), (300, 7), (1, 1), (1000, 900)], ids=str)
def test_the_sample_photograph_comes_in_any_size(size):
    image = sample_image(*size)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8


def test_the_photograph_is_a_photograph():
    image = sample_image(64, 64)
    assert len(np.unique(image)) > 100
    assert image.std() > 30


def test_an_image_is_cut_around_its_middle_and_keeps_its_proportions(tmp_path):
    # 8 × 24 pixels in three squares: red, green, blue. A square of it is the green one.
    pixels = np.zeros((8, 24, 3), np.uint8)
    for number in range(3):
        pixels[:, 8 * number : 8 * number + 8, number] = 255
    Image.fromarray(pixels).save(tmp_path / "flag.png")
    cut = read_image(tmp_path / "flag.png", 8, 8)
    np.testing.assert_array_equal(cut, np.broadcast_to((0, 255, 0), (8, 8, 3)))
    whole = read_image(tmp_path / "flag.png", 8, 24)
    np.testing.assert_array_equal(whole, pixels)


def test_a_checkerboard_alternates_tile_by_tile():
    board = checkerboard(4, 6, tile=2)
    dark, light = board.min(), board.max()
    pair = [light, light, dark, dark, light, light]
    other = [dark, dark, light, light, dark, dark]
    np.testing.assert_array_equal(board, [pair, pair, other, other])


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (224, 224)], ids=str)
def test_a_checkerboard_comes_in_any_size(size):
    assert checkerboard(*size).shape == size


@pytest.mark.parametrize("draw", [sample_image, checkerboard], ids=lambda f: f.__name__)
def test_a_size_of_nothing_is_refused(draw):
    with pytest.raises(PlotError, match="no image of 0 × 8 pixels"):
        draw(0, 8)


def test_a_tile_of_nothing_is_refused():
    with pytest.raises(PlotError, match="A square of 0 pixels"):
        checkerboard(8, 8, tile=0)


def test_a_file_that_is_no_image_is_refused_by_name(tmp_path):
    (tmp_path / "notes.png").write_text("no pixels here")
    with pytest.raises(PlotError, match=r"notes\.png' cannot be read as an image"):
        read_image(tmp_path / "notes.png", 8, 8)
    with pytest.raises(PlotError, match=r"gone\.png' does not exist"):
        read_image(tmp_path / "gone.png", 8, 8)


def test_a_matplotlib_without_its_sample_data_leads_to_the_board(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError("grace_hopper.jpg")

    monkeypatch.setattr("rfcore.plot.images.get_sample_data", missing)
    with pytest.raises(PlotError, match="without its sample photograph") as caught:
        sample_image(8, 12)
    assert caught.value.hint == "draw on a board: rfcore.plot.checkerboard(8, 12)."


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (np.full((8, 12), np.nan), "no numbers"),
        (np.full((8, 12), "a"), "no numbers"),
        (np.full((8, 12, 3), 1.5), "run from 1.5 to 1.5, not from 0 to 1"),
        (np.full((8, 12, 3), -1), "run from -1 to -1, not from 0 to 255"),
    ],
    ids=["nan", "text", "too bright", "negative"],
)
def test_an_image_of_no_colours_is_refused(image, problem):
    with pytest.raises(PlotError, match=problem):
        grid(FIELD, image)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32, np.float16])
def test_grey_images_of_any_number_are_drawn(kind):
    (shown,) = grid(FIELD, np.ones((8, 12), kind)).images
    np.testing.assert_array_equal(shown.get_array(), np.ones((8, 12)))
