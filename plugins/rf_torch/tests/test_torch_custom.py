"""Rules of users for PyTorch's ops: libraries' own ones, which have neither rule nor derivative."""

import numpy as np
import pytest
import torch
from torch import nn

import rfcore
from rfcore import custom
from rfcore.errors import CustomRuleError, UnsupportedOpError
from rfcore.graph import AxisMap, Window, WindowAxis


@torch.library.custom_op("rfcore_tests::shift", mutates_args=())
def shift(image: torch.Tensor, steps: int) -> torch.Tensor:
    """Every row moved to the right, zeros in front."""
    moved = torch.zeros_like(image)
    moved[..., steps:] = image[..., : image.shape[-1] - steps]
    return moved


@shift.register_fake
def _(image, steps):
    return torch.empty_like(image)


@torch.library.custom_op("rfcore_tests::pick", mutates_args=())
def pick(image: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Some columns, in the order of an index."""
    return image[..., columns].clone()


@pick.register_fake
def _(image, columns):
    return image.new_empty((*image.shape[:-1], columns.shape[0]))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x):
        return torch.ops.rfcore_tests.shift(self.conv(x), 4)


@pytest.fixture(autouse=True)
def _only_own_rules(monkeypatch):
    monkeypatch.setattr(custom, "_RULES", {})


def by_table(op):
    length, steps = op.inputs[0][3], op.arguments["steps"]
    taps = np.arange(length) - steps
    return AxisMap(3, np.where(taps < 0, -1, taps)[:, None])


def by_masks(op):
    steps = op.arguments["steps"]

    def pullback(mask):
        seen = np.zeros_like(mask)
        seen[..., :-steps] = mask[..., steps:]
        return (seen,)

    return pullback


@pytest.mark.parametrize("rule", [by_table, by_masks])
def test_a_rule_makes_an_op_known(rule):
    model = Net().eval()
    with pytest.raises(UnsupportedOpError, match="rfcore_tests"):
        rfcore.estimate(model, input_shape=(1, 32, 32))
    rfcore.rule("torch", "rfcore_tests::shift")(rule)
    field = rfcore.estimate(model, input_shape=(1, 32, 32))
    # The convolution's 3 pixels, [j - 1, j + 2), and 4 less on the axis that is shifted.
    assert (field.size, field.padding) == ((3, 3), (1, 5))
    assert "rfcore_tests::shift" in field.notes[0]
    assert field.verify(model, input_shape=(1, 32, 32)).passed


def test_a_scan_shows_the_layers_behind_it():
    rfcore.rule("torch", "rfcore_tests::shift")(by_table)
    scan = rfcore.scan(Net().eval(), input_shape=(1, 32, 32))
    assert [row.field.padding for row in scan] == [(1, 1), (1, 5)]


def test_a_rule_may_read_constants():
    columns = torch.arange(0, 16, 2)
    rfcore.rule("torch", "rfcore_tests::pick")(
        lambda op: AxisMap(3, op.constant("columns").astype(np.int64)[:, None])
    )
    field = rfcore.estimate(
        lambda x: torch.ops.rfcore_tests.pick(x, columns), backend="torch", input_shape=(1, 8, 16)
    )
    assert field.stride == (1, 2)


def test_a_rule_stands_before_our_own():
    rfcore.rule("torch", "aten::convolution", exact=False)(
        lambda op: Window((WindowAxis(2, 9, low=4), WindowAxis(3, 9, low=4)), 1)
    )
    field = rfcore.estimate(nn.Conv2d(1, 1, 3, padding=1).eval(), input_shape=(1, 64, 64))
    assert field.size == (9, 9)
    assert not field.exact


def test_a_faulty_rule_is_named():
    rfcore.rule("torch", "rfcore_tests::shift")(lambda op: "nothing")
    with pytest.raises(CustomRuleError, match="neither op nor function"):
        rfcore.estimate(Net().eval(), input_shape=(1, 32, 32))
