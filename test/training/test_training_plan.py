"""What a plan may say, how a wrong value is told, and the file that explains each of them."""

from dataclasses import fields
import json
import math
from pathlib import Path
from typing import Any

from helpers import ROOT
import pytest
import yaml

from unet_perception.core.geometry import Size
from unet_perception.errors import RequestError
from unet_perception.training.plan import (
    Augmentation,
    LossWeights,
    TrainingPlan,
    plan_from_dict,
    values_from_yaml,
)

EXPLAINED = ROOT / 'config' / 'training.yaml'


def test_a_plan_survives_json() -> None:
    plan = TrainingPlan(
        size=Size(64, 96),
        epochs=3,
        sampling='rare',
        loss=LossWeights(dice=0.5),
        augmentation=Augmentation(zoom=(0.5, 2.0)),
    )
    assert plan_from_dict(json.loads(json.dumps(plan.as_dict()))) == plan
    assert plan_from_dict({}) == TrainingPlan()


def test_the_shipped_file_holds_every_value_at_its_default() -> None:
    assert plan_from_dict(values_from_yaml(EXPLAINED)) == TrainingPlan()
    unnamed = set(TrainingPlan().as_dict()) - set(values_from_yaml(EXPLAINED))
    assert not unnamed


def test_the_shipped_file_explains_every_value() -> None:
    lines = EXPLAINED.read_text().splitlines()
    names = [
        each.name for part in (TrainingPlan, LossWeights, Augmentation) for each in fields(part)
    ]
    for name in names:
        where = [k for k, line in enumerate(lines) if line.strip().startswith(f'{name}:')]
        assert len(where) == 1, name
        assert '#' in lines[where[0]] or lines[where[0] - 1].strip().startswith('#'), name


@pytest.mark.parametrize(
    ('values', 'complaint'),
    [
        ({'epochs': 0}, 'epochs must be a whole number of at least 1 and at most 100000, not 0'),
        ({'epochs': 1.5}, 'epochs must be a whole number .*, not 1.5'),
        ({'epochs': '3'}, "epochs must be a whole number .*, not '3'"),
        ({'batch': 10**400}, 'batch must be a whole number'),
        ({'seed': True}, 'seed must be a whole number .*, not True'),
        ({'batch': 1}, 'batch must be a whole number of at least 2'),
        ({'learning_rate': math.nan}, 'learning_rate must be a number .*, not nan'),
        (
            {'clip_norm': math.inf},
            'clip_norm must be .* at least 1e-06 and at most 1000000, not inf',
        ),
        ({'precision': 'half'}, "precision must be mixed or float32, not 'half'"),
        ({'sampling': ['rare']}, 'sampling must be uniform or rare'),
        ({'epoch': 3}, "the plan has no 'epoch'; there are unet, size, epochs"),
        ({'size': 256}, r'size must be \[height, width\], not 256'),
        ({'size': [256, 'a']}, r'size must be \[height, width\]'),
        ({'size': [2**20, 2**20]}, 'size must be 8 to 4096 pixels a side'),
        ({'loss': {'dice': 10**400}}, 'loss.dice must be a number .* at most 1000'),
        ({'seed': 10**5000}, 'seed must be .*, not a number that is too long to show'),
        ({'size': [250, 512]}, '250x512 .* not divisible by 32'),
        ({'loss': 'dice'}, "loss must be names with values, not 'dice'"),
        ({'loss': {'dise': 1}}, "loss has no 'dise'; there are cross_entropy, dice"),
        ({'loss': {'dice': -1}}, 'loss.dice must be a number of at least 0'),
        ({'loss': {'cross_entropy': 0}}, 'loss: every weight is 0'),
        ({'augmentation': {'flip': 2}}, 'augmentation.flip must be a number .* at most 1, not 2'),
        ({'augmentation': {'zoom': [2, 1]}}, r'augmentation.zoom must be \[lowest, highest\]'),
        ({'augmentation': {'zoom': 1}}, r'augmentation.zoom must be \[lowest, highest\]'),
        ({'augmentation': {'zoom': ['a', 1]}}, 'augmentation.zoom must be a number'),
        ([1], 'the plan must be names with values'),
    ],
)
def test_a_value_that_can_not_be_is_named(values: Any, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        plan_from_dict(values)


def test_what_is_built_in_code_is_checked_as_well() -> None:
    with pytest.raises(RequestError, match='epochs must be'):
        TrainingPlan(epochs=0)


@pytest.mark.parametrize(
    'text',
    ['epochs: [', '!!python/name:os.system', '\x00', '- 1', '[' * 20_000, 'epochs: 2020-13-45'],
)
def test_a_file_that_is_no_plan_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / 'plan.yaml'
    file.write_text(text)
    with pytest.raises(RequestError, match=r'plan\.yaml') as refusal:
        values_from_yaml(file)
    assert '\n' not in str(refusal.value)


def test_a_value_that_doubles_itself_is_refused_at_once() -> None:
    bomb: list[object] = [1]
    for _ in range(60):
        bomb = [bomb, bomb]
    with pytest.raises(RequestError, match=r'loss\.dice must be a number'):
        plan_from_dict({'loss': {'dice': bomb}})


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / 'plan.yaml').write_text('# nothing\n')
    assert values_from_yaml(tmp_path / 'plan.yaml') == {}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r'none\.yaml.* No such file'):
        values_from_yaml(tmp_path / 'none.yaml')


def test_yaml_reads_the_numbers_of_the_shipped_file_as_numbers() -> None:
    values = yaml.safe_load(EXPLAINED.read_text())
    assert isinstance(values['learning_rate'], float)
    assert isinstance(values['weight_decay'], float)
