"""The network: shapes, gradients, its config, and that it can learn at all."""

import json
import re

import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

import torch
from torch.nn import functional

from unet_perception.core.geometry import Size
from unet_perception.errors import RequestError
from unet_perception.training.family import UNetConfig, config_from_dict
from unet_perception.training.unet import UNet

torch.set_num_threads(1)
SMALL = UNetConfig(classes=3, widths=(4, 6, 8, 10))


@pytest.mark.parametrize('size', [(16, 16), (16, 48), (64, 32), (80, 16)])
def test_logits_have_the_size_of_the_image(size: tuple[int, int]) -> None:
    SMALL.check_size(Size(*size))
    logits = UNet(SMALL).eval()(torch.zeros(2, 3, *size))
    assert logits.shape == (2, SMALL.classes, *size)


@pytest.mark.parametrize('widths', [(4, 4), (4, 6, 8), (4, 4, 4, 4, 4, 4)])
def test_the_smallest_image_is_multiple_by_multiple(widths: tuple[int, ...]) -> None:
    config = UNetConfig(widths=widths)
    least = config.multiple
    assert UNet(config).eval()(torch.zeros(1, 3, least, least)).shape == (1, 2, least, least)


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    network = UNet(SMALL)
    labels = torch.randint(0, SMALL.classes, (2, 32, 32))
    functional.cross_entropy(network(torch.randn(2, 3, 32, 32)), labels).backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


@pytest.mark.parametrize('config', [UNetConfig(), SMALL, UNetConfig(8, (1, 2))])
def test_a_config_survives_json(config: UNetConfig) -> None:
    assert config_from_dict(json.loads(json.dumps(config.as_dict()))) == config


@pytest.mark.parametrize(
    'values',
    [{'classes': 1}, {'classes': 9}, {'widths': ()}, {'widths': (8,)}, {'widths': (8, 0)}],
)
def test_a_config_that_can_not_be_built_is_refused(values: dict) -> None:
    with pytest.raises(RequestError, match=next(iter(values))):
        UNetConfig(**values)


@pytest.mark.parametrize(
    'size', [(100, 100), (17, 64), (64, 1), (0, 64), (-16, 64), (64, 23), (64, 25)]
)
def test_a_wrong_size_is_refused_with_one_that_works(size: tuple[int, int]) -> None:
    with pytest.raises(RequestError, match='not divisible by 16') as refusal:
        SMALL.check_size(Size(*size))
    found = re.search(r'try (\d+)x(\d+)$', str(refusal.value))
    assert found
    SMALL.check_size(Size(int(found[1]), int(found[2])))


def test_it_overfits_one_batch() -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, 32, 64)
    labels = torch.zeros(2, 32, 64, dtype=torch.long)
    labels[0, 8:24, 10:40], labels[1, 4:12, 30:60] = 1, 1
    network = UNet(UNetConfig(widths=(8, 12, 16)))
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(80):
        optimiser.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimiser.step()
    hits = network(images).argmax(1) == labels
    assert hits.float().mean() > 0.98
