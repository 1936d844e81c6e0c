"""The card tells what the manifest holds, of older manifests too, and of scores that are null."""

import json
from typing import Any

from helpers import LANE

from unet_perception.core.manifest import MANIFEST
from unet_perception.core.segmentation_scores import SegmentationScores
from unet_perception.export.card import CLASS_SCORES, SCORES, card_from_manifest


def manifest(**scores: Any) -> dict[str, Any]:
    """Return a shipped manifest with two classes and, besides these, the oldest scores alone."""
    document = json.loads((LANE / MANIFEST).read_text(encoding='utf-8'))
    old = {'miou': 0.5, 'iou': [0.75, 0.25], 'pixel_accuracy': 0.625, 'ece': 0.125}
    kept = {key: document['scores'][key] for key in ('images', 'backend', 'data_sha256')}
    document['classes'] = [{'name': 'ground'}, {'name': 'disc'}]
    document['scores'] = kept | old | scores
    document['calibration'] = {'temperature': 1.0}
    for entry in document['artifacts']:
        entry['iou'] = [0.75, 0.25]
    for point in document['operating_points']:
        point['scores'] = {'miou': 0.5, 'iou_ground': 0.75, 'iou_disc': 0.25, 'ece': 0.125}
    return document


def table(card: str, first: str) -> list[list[str]]:
    """Return the cells of the card's table whose first title is `first`."""
    lines = card[card.index(f'\n| {first} |') + 1 :].split('\n\n')[0].splitlines()
    return [line.strip('| ').split(' | ') for line in (lines[0], *lines[2:])]


def test_every_score_of_the_manifest_is_known_by_its_name() -> None:
    told = SegmentationScores(2).result().as_json()
    aside = {'images', 'miou', 'iou', 'coverage', 'class_coverage'}
    assert {*SCORES, *CLASS_SCORES} == told.keys() - aside


def test_an_older_manifest_has_the_card_that_it_had() -> None:
    card = card_from_manifest(manifest())
    assert len(table(card, 'score')) == 1 + 1 + 2 + 2
    assert '| class |' not in card
    assert 'boundary' not in card.partition('## Data')[0]
    assert 'was not calibrated' in card


def test_of_each_class_its_scores_stand_in_a_row() -> None:
    card = card_from_manifest(manifest(dice=[0.25, 0.5], precision=[1.0, 0.0], islands=[7, 0]))
    assert table(card, 'class') == [
        ['class', 'Dice', 'precision', 'islands'],
        ['ground', '0.2500', '1.0000', '7'],
        ['disc', '0.5000', '0.0000', '0'],
    ]


def test_a_score_that_is_null_is_a_dash() -> None:
    card = card_from_manifest(manifest(iou=[0.5, None], ece=None, recall=[None, 1.0]))
    values = dict(table(card, 'score'))
    assert values['IoU disc'] == values['expected calibration error (15 bins)'] == '–'
    assert table(card, 'class')[1:] == [['ground', '–'], ['disc', '1.0000']]


def test_an_operating_point_may_lack_a_score_that_another_has() -> None:
    document = manifest()
    point = document['operating_points'][0]
    sizes = [{'height': 64, 'width': 128}, {'height': 32, 'width': 64}]
    document['operating_points'] = [point | size for size in sizes]
    document['operating_points'][0]['scores'] = {'miou': 0.5, 'ece': 0.25}
    assert table(card_from_manifest(document), 'size') == [
        ['size', 'miou', 'ece', 'iou_ground', 'iou_disc'],
        ['64x128', '0.5000', '0.2500', '–', '–'],
        ['32x64', '0.5000', '0.1250', '0.7500', '0.2500'],
    ]
