"""The family: every variant has the right shape, learns, and sees what it should see."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
import sys

import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from helpers import ROOT
import numpy as np
import torch
from torch.nn import functional

from unet_perception.core.geometry import Size
from unet_perception.training.blocks import NORMS, divisor
from unet_perception.training.bottlenecks import Pyramid, SelfAttention, Transformer, sines
from unet_perception.training.family import VARIANTS, UNetConfig
from unet_perception.training.skips import AttentionGate
from unet_perception.training.unet import UNet

torch.set_num_threads(1)
SMALL = UNetConfig(3, (8, 12, 16))
EACH = [replace(SMALL, variant=v, norm=n) for v, n in product(VARIANTS, NORMS)]
EACH_VARIANT = [replace(SMALL, variant=v) for v in VARIANTS]
LOCAL = [v for v, made in VARIANTS.items() if made.bottleneck == 'none']


def name_of(config: object) -> str | None:
    return f'{config.variant}-{config.norm}' if isinstance(config, UNetConfig) else None


def network_of(config: UNetConfig, seed: int = 0) -> UNet:
    torch.manual_seed(seed)
    return UNet(config)


def moved(network: UNet) -> UNet:
    """Return the network in eval mode, its batch statistics no longer those of the start."""
    with torch.no_grad():
        for _ in range(5):
            network(torch.randn(4, 3, 32, 32))
    return network.eval()


@pytest.mark.parametrize('config', EACH_VARIANT, ids=name_of)
@pytest.mark.parametrize('stem_stride', [1, 2])
@pytest.mark.parametrize('widths', [(4, 6), (6, 4, 10), (5, 7, 11, 13), (1, 1)])
def test_logits_have_the_size_of_the_image(
    config: UNetConfig, stem_stride: int, widths: tuple[int, ...]
) -> None:
    config = replace(config, widths=widths, stem_stride=stem_stride)
    network = network_of(config).eval()
    for height, width in ((1, 1), (1, 3), (4, 2)):
        size = Size(height * config.multiple, width * config.multiple)
        config.check_size(size)
        assert network(torch.zeros(2, 3, *size)).shape == (2, config.classes, *size)


@pytest.mark.parametrize('config', EACH, ids=name_of)
def test_every_parameter_gets_a_gradient(config: UNetConfig) -> None:
    network = network_of(config)
    labels = torch.randint(0, config.classes, (2, 32, 32))
    functional.cross_entropy(network(torch.randn(2, 3, 32, 32)), labels).backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


@pytest.mark.parametrize('config', EACH, ids=name_of)
def test_it_overfits_one_batch(config: UNetConfig) -> None:
    network = network_of(replace(config, widths=(16, 24, 32)))
    labels = torch.zeros(2, 32, 64, dtype=torch.long)
    labels[0, 8:24, 10:40], labels[1, 4:12, 30:60] = 1, 2
    colors = torch.tensor([[0.0, 0.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])
    images = colors[labels].permute(0, 3, 1, 2) + 0.3 * torch.randn(2, 3, 32, 64)
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(80):
        optimiser.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimiser.step()
    hits = network(images).argmax(1) == labels
    assert hits.float().mean() > 0.99


@pytest.mark.parametrize('config', EACH, ids=name_of)
def test_the_seed_alone_decides_the_weights(config: UNetConfig) -> None:
    first, again, other = (network_of(config, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize('config', EACH, ids=name_of)
def test_neither_memory_layout_nor_bfloat16_changes_what_it_says(config: UNetConfig) -> None:
    network, images = moved(network_of(config)), torch.randn(2, 3, 32, 64)
    with torch.inference_mode():
        logits = network(images)
        network.to(memory_format=torch.channels_last)
        channels_last = network(images.to(memory_format=torch.channels_last))
        with torch.autocast('cpu', torch.bfloat16):
            low = network(images).float()
    torch.testing.assert_close(channels_last, logits, rtol=1e-4, atol=1e-5)
    assert (low - logits).abs().max() < 0.1 * logits.std() * logits.numel() ** 0.25


def from_one_image_alone(config: UNetConfig, mode: Callable[[UNet], UNet]) -> bool:
    """Tell whether an image's logits are the same without the others of its batch."""
    network, images = mode(network_of(config)), torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        together, alone = network(images)[:1], network(images[:1])
    return torch.allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('variant', VARIANTS)
def test_with_group_norm_images_do_not_depend_on_each_other(variant: str) -> None:
    group = replace(SMALL, variant=variant, norm='group')
    assert from_one_image_alone(group, UNet.eval)
    assert from_one_image_alone(group, UNet.train)
    assert not from_one_image_alone(replace(group, norm='batch'), UNet.train)


@pytest.mark.parametrize('variant', VARIANTS)
def test_with_group_norm_a_batch_of_one_trains(variant: str) -> None:
    config = replace(SMALL, variant=variant, norm='group')
    network = network_of(config)
    network(torch.randn(1, 3, config.multiple, config.multiple)).square().mean().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize('norm', NORMS)
@pytest.mark.parametrize('variant', [v for v in VARIANTS if v != 'hybrid'])
def test_what_moves_by_a_multiple_moves_its_logits(variant: str, norm: str) -> None:
    config = UNetConfig(2, (8, 12), variant, norm)
    network, patch = moved(network_of(config)), torch.randn(1, 3, 8, 8)

    def difference(shift: int) -> float:
        with torch.no_grad():
            still = network(functional.pad(patch, (60, 60, 60, 60)))
            there = network(
                functional.pad(patch, (60 + shift, 60 - shift, 60 - shift, 60 + shift))
            )
        back = there.roll((shift, -shift), (2, 3))
        inside = slice(44, -44)  # the borders stay where they are
        scale = still[..., inside, inside].std()
        return float((back - still)[..., inside, inside].abs().max() / scale)

    assert difference(config.multiple) < 1e-4 < 1e-3 < difference(config.multiple // 2)


@pytest.mark.parametrize('variant', VARIANTS)
def test_only_a_bottleneck_that_looks_far_sees_the_far_corner(variant: str) -> None:
    network = moved(network_of(UNetConfig(2, (6, 8), variant)))
    image = torch.randn(1, 3, 96, 96, requires_grad=True)
    network(image)[0, :, 0, 0].sum().backward()
    assert image.grad[..., :4, :4].any()
    assert bool(image.grad[..., -4:, -4:].any()) == (variant not in LOCAL)


def test_the_mobile_network_is_the_size_it_always_was() -> None:
    assert sum(p.numel() for p in UNet(UNetConfig()).parameters()) == 330_538


def test_a_closed_gate_lets_nothing_pass_and_an_open_one_everything() -> None:
    gate, skip, coarse = AttentionGate(6, 8), torch.randn(1, 6, 8, 8), torch.randn(1, 8, 4, 4)
    with torch.no_grad():
        half = gate(skip, coarse)
        gate.gate.bias.fill_(-60.0)
        assert gate(skip, coarse).abs().max() < 1e-12
        gate.gate.bias.fill_(60.0)
        assert torch.equal(gate(skip, coarse), skip)
    assert (half.abs() <= skip.abs()).all()
    assert half.std() > 0


@pytest.mark.parametrize('size', [(4, 4), (3, 7)])
def test_the_pyramid_is_the_papers(size: tuple[int, int]) -> None:
    """Enlarge the pooled image, concatenate, convolve: what is saved here changes nothing."""
    torch.manual_seed(0)
    pyramid, x = Pyramid(16, NORMS['batch']).eval(), torch.randn(2, 16, *size)
    with torch.no_grad():
        *before, last = pyramid.pooled
        pooled = torch.nn.Sequential(*before)(x).expand(-1, -1, *size)
        parts = [*(reach(x) for reach in pyramid.reaches), pooled]
        weight = torch.cat([pyramid.joined.weight, last.weight], 1)
        expected = pyramid.norm(functional.conv2d(torch.cat(parts, 1), weight)).relu()
        torch.testing.assert_close(pyramid(x), expected)


@pytest.mark.parametrize(('channels', 'heads'), [(16, 1), (32, 2), (160, 8), (7, 1)])
def test_attention_is_torchs(channels: int, heads: int) -> None:
    torch.manual_seed(0)
    ours, theirs = SelfAttention(channels), torch.nn.MultiheadAttention(channels, heads)
    parts, cells = (ours.asked, ours.offered, ours.told), 3.0 * torch.randn(2, 5, channels)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        theirs.out_proj.load_state_dict(ours.joined.state_dict())
        words = cells.transpose(0, 1)
        expected, _ = theirs(words, words, words)
        torch.testing.assert_close(ours(cells), expected.transpose(0, 1))


@pytest.mark.parametrize(('height', 'width', 'channels'), [(8, 16, 32), (16, 8, 30), (1, 5, 8)])
def test_every_cell_has_a_position_of_its_own(height: int, width: int, channels: int) -> None:
    positions = sines(height, width, channels)
    assert positions.shape == (height * width, channels)
    assert len(np.unique(positions.round(3), axis=0)) == height * width
    assert np.abs(positions).max() <= 1.0


def test_half_of_a_position_is_the_row_and_half_the_column() -> None:
    grid, turned = sines(3, 5, 8).reshape(3, 5, 8), sines(5, 3, 8).reshape(5, 3, 8)
    assert np.ptp(grid[..., :4], axis=1).max() == 0
    assert np.ptp(grid[..., 4:], axis=0).max() == 0
    assert np.array_equal(grid[..., :4], turned[..., 4:].transpose(1, 0, 2))


def test_the_transformer_knows_where_its_cells_are() -> None:
    torch.manual_seed(0)
    transformer, x = Transformer(16, NORMS['batch']).eval(), torch.randn(1, 16, 4, 6)
    with torch.no_grad():
        gap = (transformer(x.flip(3)).flip(3) - transformer(x)).abs().max()
    assert gap > 0.1


def test_equal_parts_are_equal_and_not_too_small() -> None:
    for channels in range(1, 300):
        parts = divisor(channels, most=32, least=4)
        assert channels % parts == 0
        assert parts <= 32
        assert parts == 1 or channels // parts >= 4
    groups = {n: NORMS['group'](n).num_groups for n in (1, 7, 24, 48, 96, 160, 256, 1024)}
    assert groups == {1: 1, 7: 1, 24: 12, 48: 24, 96: 32, 160: 32, 256: 32, 1024: 32}


def test_a_network_is_built_only_of_what_the_tables_have() -> None:
    layers = {
        v: {type(m).__name__ for m in UNet(UNetConfig(variant=v)).modules()} for v in VARIANTS
    }
    own = {'AttentionGate', 'Pyramid', 'Transformer', 'ResidualConv', 'SeparableConv'}
    assert {v: names & own for v, names in layers.items()} == {
        'standard': set(),
        'residual': {'ResidualConv'},
        'attention': {'AttentionGate'},
        'multiscale': {'Pyramid'},
        'mobile': {'SeparableConv'},
        'hybrid': {'Transformer'},
    }


def test_the_page_names_the_family_as_it_is() -> None:
    sys.path.insert(0, str(ROOT))
    try:
        from docs import architectures
    finally:
        sys.path.pop(0)
    assert architectures.family_table() in architectures.PAGE.read_text()
    assert set(VARIANTS) < set(architectures.ROWS)
