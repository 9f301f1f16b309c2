"""Scans of whole networks in PyTorch: published figures, and agreement with `estimate`."""

import pytest
import torch
from torch import nn

import rfcore
from rfcore.errors import RfcoreError


class Bottleneck(nn.Module):
    """torchvision's block: 1×1, 3×3 with the stride, 1×1, and a projection where shapes differ."""

    def __init__(self, inside, width, stride=1):
        super().__init__()
        outside = 4 * width
        self.conv1 = nn.Conv2d(inside, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outside, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )

    def forward(self, x):
        seen = self.relu(self.bn1(self.conv1(x)))
        seen = self.relu(self.bn2(self.conv2(seen)))
        seen = self.bn3(self.conv3(seen))
        return self.relu(seen + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    """ResNet-50 as torchvision writes it, narrower: widths do not move a field."""

    def __init__(self, width=4):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inside = width
        for stage, blocks in enumerate((3, 4, 6, 3)):
            layers = []
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                layers.append(Bottleneck(inside, width * 2**stage, stride))
                inside = 4 * width * 2**stage
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inside, 10)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def transformers_resnet50():
    transformers = pytest.importorskip("transformers")
    return transformers.ResNetModel(transformers.ResNetConfig()).eval()


@pytest.fixture(scope="module", params=[lambda: ResNet50().eval(), transformers_resnet50])
def scanned(request):
    model = request.param()
    return model, rfcore.scan(model, input_shape=(3, 224, 224))


def test_resnet50_suits_inputs_from_75_to_427(scanned):
    """Source: README and tests of rfa_toolbox, Richter et al., for torchvision's ResNet-50."""
    assert scanned[1].input_range() == ((75, 75), (427, 427))


def test_every_row_is_what_estimate_says(scanned):
    model, scan = scanned
    seen = [row for row in scan if row.name and row.field is not None]
    fields = rfcore.estimate(model, input_shape=(3, 224, 224), output=[row.name for row in seen])
    assert {row.name: row.field for row in seen} == fields
    assert all(row.field.notes == fields[row.name].notes for row in seen)
    for row in scan:
        if row.name and row.field is None:
            with pytest.raises(RfcoreError):
                rfcore.estimate(model, input_shape=(3, 224, 224), output=row.name)


def test_the_shortest_path_explains_75():
    scan = rfcore.scan(ResNet50().eval(), input_shape=(3, 224, 224))
    # Around every block: conv1 7, maxpool 11; then one 3×3 at stride 32: 11 + 2·32.
    assert scan["layer4.0.conv1"].shortest == (11, 11)
    assert scan["layer4.1.conv2"].shortest == (75, 75)
    assert scan["layer4.2.conv2"].shortest == (75, 75)
    assert scan["layer4"].shortest == (11, 11)
    assert scan.critical(74)[0].name == "layer4.1.conv2"


def test_a_sample_of_rows_holds_on_the_forward():
    model = ResNet50().eval()
    scan = rfcore.scan(model, input_shape=(3, 64, 64))
    for name in ("maxpool", "layer1.2.conv2", "layer2.1", "layer3.0.downsample.0"):
        field = scan[name].field
        assert field.verify(model, input_shape=(3, 64, 64), output=name).passed, name


def test_rows_tell_what_layers_are():
    scan = rfcore.scan(ResNet50().eval(), input_shape=(3, 64, 64))
    types = {row.name: row.type for row in scan}
    assert types["layer1.0"] == "Bottleneck"
    assert types["layer1.0.conv2"] == "Conv2d"
    assert types[""] == "ResNet50"


def efficientnet():
    transformers = pytest.importorskip("transformers")
    config = transformers.EfficientNetConfig(
        image_size=224, width_coefficient=0.1, depth_coefficient=1.0, hidden_dim=32
    )
    return transformers.EfficientNetModel(config).eval()


def test_efficientnet_suits_inputs_from_299_to_851():
    """Source: tests of rfa_toolbox, for torchvision's EfficientNet-B0 without its global paths."""
    scan = rfcore.scan(efficientnet(), input_shape=(3, 224, 224), global_paths="ignore")
    assert scan.input_range() == ((299, 299), (851, 851))
