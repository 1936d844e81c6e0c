"""What rebuilds a U-Net: it survives files, and what can't be built is refused with a cure."""

from contextlib import suppress
import json
import re

from helpers import run_python
from hypothesis import given
from hypothesis import strategies as st
import pytest

from unet_perception.core.geometry import Size
from unet_perception.errors import RequestError
from unet_perception.training.family import (
    MOST_CHANNELS,
    MOST_LEVELS,
    VARIANTS,
    UNetConfig,
    config_from_dict,
)

CONFIGS = st.builds(
    UNetConfig,
    st.integers(2, 8),
    st.lists(st.integers(1, MOST_CHANNELS), min_size=2, max_size=MOST_LEVELS).map(tuple),
    st.sampled_from(sorted(VARIANTS)),
    st.sampled_from(['batch', 'group']),
    st.integers(1, 2),
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=5), each),
    max_leaves=5,
)


def test_the_default_is_the_network_for_small_computers() -> None:
    assert UNetConfig() == UNetConfig(2, (24, 48, 96, 160, 256), 'mobile', 'batch', 2)


@given(CONFIGS)
def test_a_config_survives_json(config: UNetConfig) -> None:
    assert config_from_dict(json.loads(json.dumps(config.as_dict()))) == config


@given(CONFIGS, st.integers(1, 600), st.integers(1, 600))
def test_a_wrong_size_is_refused_with_the_next_that_works(
    config: UNetConfig, height: int, width: int
) -> None:
    multiple = config.multiple
    assert multiple == config.stem_stride * 2 ** (len(config.widths) - 1)
    if height % multiple or width % multiple:
        with pytest.raises(RequestError, match=f'not divisible by {multiple};') as refusal:
            config.check_size(Size(height, width))
        found = re.search(r'try (\d+)x(\d+)$', str(refusal.value))
        assert found
        good = int(found[1]), int(found[2])
        assert good == (height + -height % multiple, width + -width % multiple)


@pytest.mark.parametrize(
    ('size', 'good'),
    [((80, 150), '80x160'), ((0, 64), '16x64'), ((-16, 64), '16x64'), ((64, 1), '64x16')],
)
def test_the_size_to_try_is_the_next_larger(size: tuple[int, int], good: str) -> None:
    config = UNetConfig(widths=(4, 6, 8, 10))
    with pytest.raises(RequestError, match=f'{size[0]}x{size[1]} .*by 16; try {good}$'):
        config.check_size(Size(*size))
    config.check_size(Size(*map(int, good.split('x'))))


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'classes': 1}, 'unet.classes must be a whole number of at least 2 and at most 8, not 1'),
        ({'classes': 9}, 'classes must be .*, not 9'),
        ({'classes': 2.0}, 'classes must be a whole number .*, not 2.0'),
        ({'classes': True}, 'classes must be .*, not True'),
        ({'classes': '3'}, "classes must be .*, not '3'"),
        ({'classes': None}, 'classes must be .*, not None'),
        ({'widths': []}, r'widths must be a list of 2 to 8 whole numbers.*, not \[\]'),
        ({'widths': [8]}, r'widths must be a list of 2 to 8 .*, not \[8\]'),
        ({'widths': [8] * 9}, r'widths must be a list of 2 to 8 '),
        ({'widths': 8}, r'widths must be a list .*, not 8'),
        ({'widths': '8,16'}, r"widths must be a list .*, not '8,16'"),
        ({'widths': None}, r'widths must be a list .*, not None'),
        ({'widths': [8, 16.0]}, r'widths must be .* whole numbers.*, not \[8, 16.0\]'),
        ({'widths': [8, True]}, r'widths must be .* whole numbers.*, not \[8, True\]'),
        ({'widths': [8, [16]]}, r'widths must be .* whole numbers.*'),
        ({'widths': [8, 0]}, r'widths must be 1 to 1024 channels a level, not \[8, 0\]'),
        ({'widths': [8, 1025]}, r'widths must be 1 to 1024 channels a level, not \[8, 1025\]'),
        ({'variant': 'vnet'}, f"variant must be {' or '.join(VARIANTS)}, not 'vnet'"),
        ({'variant': ['mobile']}, 'variant must be'),
        ({'norm': 'layer'}, "norm must be batch or group, not 'layer'"),
        ({'norm': None}, 'norm must be'),
        ({'stem_stride': 4}, 'stem_stride must be .* at most 2, not 4'),
        ({'stem_stride': '2'}, "stem_stride must be .*, not '2'"),
        ({'depth': 5}, "unet has no 'depth'; there are classes, widths, variant"),
        ({5: 5}, 'unet has no 5'),
        (['mobile'], 'unet must be names with values'),
        (None, 'unet must be names with values, not None'),
    ],
)
def test_what_can_not_be_built_is_refused_with_a_sentence(values: object, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        config_from_dict(values)


@given(st.dictionaries(st.sampled_from(sorted(UNetConfig().as_dict())), JUNK) | JUNK)
def test_whatever_a_file_says_is_a_config_or_refused(values: object) -> None:
    with suppress(RequestError):
        assert isinstance(config_from_dict(values), UNetConfig)


def test_attention_among_too_many_cells_is_refused() -> None:
    shallow = UNetConfig(widths=(16, 32), variant='hybrid', stem_stride=1)
    shallow.check_size(Size(128, 128))
    with pytest.raises(RequestError, match=r"32768 cells .* 'hybrid' can take 4096; .* one more"):
        shallow.check_size(Size(256, 512))
    UNetConfig(widths=(16, 32), variant='standard', stem_stride=1).check_size(Size(256, 512))


def test_a_config_needs_no_torch() -> None:
    code = 'import sys, unet_perception.training.family\nprint("torch" in sys.modules)'
    assert run_python(code).stdout.split() == ['False']
