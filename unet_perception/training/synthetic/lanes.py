"""Labelled road folders become a folder of painted roads, labelled with lines.

Knows folders and seeds; not how a road is painted. The folder appears whole, or not at all.
"""

from collections.abc import Iterator, Sequence
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...core.manifest import ClassInfo
from ...core.progress import OnProgress
from ...core.scores import IGNORE
from ...errors import RequestError
from ..chance import Rng
from ..labels import MASKS
from ..split import write_split
from .folder import synthesis_folder
from .lanes_scene import Scene, paint_scene
from .lanes_sources import Named, Source, named, sides_of_split, sources_from_folders
from .paint_layout import LINE, ROAD

LANE_CLASSES = (
    ClassInfo(0, 'background', (0, 0, 0)),
    ClassInfo(ROAD, 'road', (128, 64, 128)),
    ClassInfo(LINE, 'line', (255, 40, 40), part_of='road'),
)


class LaneSummary(NamedTuple):
    """What was written; shares are medians over the images, of what was labelled road."""

    folder: str
    images: int
    without_plausible_road: int
    """Images left unpainted, since their mask shows no road that leads ahead."""
    line_share: float
    real_share: float
    """Not labelled, since the photo may show real markings there."""
    ignored_share: float
    """Not labelled, for that reason or since paint leaves doubt."""


class Job(NamedTuple):
    """What is painted, how often, and from which seed."""

    roads: tuple[Path, ...]
    variants: int = 1
    seed: int = 0


def synthesize_lanes(job: Job, out: Path, on_progress: OnProgress) -> LaneSummary:
    """Paint every photo of the job's folders into the new folder `out`.

    RequestError or DataError, before or while it works, leaves nothing behind.
    """
    _check(job)
    sources = sources_from_folders(job.roads)
    photos = list(named(sources))
    images, shares, without = {}, [], 0
    with synthesis_folder(out) as folder:
        for done, (photo, name, scene) in enumerate(_scenes(job, photos), 1):
            folder.add(name, photo.group, scene.image, {MASKS: scene.mask})
            images[name] = photo
            shares.append(_shares(scene))
            without += not scene.has_road
            on_progress('painting lanes', done, len(photos) * job.variants)
        medians = (float(share) for share in np.median(shares, axis=0))
        summary = LaneSummary(str(out), len(shares), without, *medians)
        if sides := sides_of_split(sources, images):
            write_split(folder.root, sides)
        folder.finish(LANE_CLASSES, _recipe(job, sources, summary))
    return summary


def random_for(seed: int, name: str, variant: int) -> Rng:
    """Return the source of chance of one image: nothing else decides how it is painted."""
    digest = hashlib.sha256(f'{seed}/{variant}/{name}'.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, 'big'))


def _check(job: Job) -> None:
    """RequestError unless the job makes sense."""
    for option, value, least in (('--variants', job.variants, 1), ('--seed', job.seed, 0)):
        if value < least:
            raise RequestError(f'{option} {value} is not possible; give {least} or more')


def _scenes(job: Job, photos: Sequence[Named]) -> Iterator[tuple[Named, str, Scene]]:
    """Yield photo, name of the image and painted scene, in order."""
    for photo in photos:
        image, mask = photo.source.read(photo.pair)
        for variant in range(job.variants):
            rng = random_for(job.seed, photo.name, variant)
            scene = paint_scene(image, mask, rng, is_elsewhere=not photo.only_judges)
            yield photo, f'{photo.name}_{variant}', scene


def _shares(scene: Scene) -> tuple[float, ...]:
    """Return which shares of the source's road became line, may be real lines, are ignored."""
    road = scene.road > 0
    parts = scene.mask == LINE, scene.real > 0, scene.mask == IGNORE
    return tuple(float((part & road).sum() / max(1, road.sum())) for part in parts)


def _recipe(job: Job, sources: Sequence[Source], summary: LaneSummary) -> dict[str, Any]:
    """Say how to make the same folder again, and what it holds."""
    words = ' '.join(['unet_perception synth lanes', *['ROADS'] * len(sources), 'OUT'])
    told = {key: value for key, value in summary._asdict().items() if key != 'folder'}
    return {
        'command': f'{words} --variants {job.variants} --seed {job.seed}',
        'variants': job.variants,
        'seed': job.seed,
        'sources': [
            {'photos': len(source.pairs), 'sha256': source.sha256()} for source in sources
        ],
        **told,
    }
