"""A labelled road folder becomes a folder of painted roads, labelled with lines.

Knows folders and seeds; not how a road is painted. The folder appears whole, or not at all.
"""

from collections.abc import Iterator, Sequence
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.manifest import ClassInfo
from ...core.scores import IGNORE
from ...errors import DataError, RequestError
from ..chance import Rng
from ..dataset import Pair, pairs_from_folder, read_pair
from ..labels import (
    CLASSES,
    GROUPS,
    MASKS,
    classes_from_folder,
    groups_from_folder,
)
from ..progress import OnProgress
from .folder import synthesis_folder
from .lanes_scene import Scene, paint_scene
from .paint_layout import LINE, ROAD

LANE_CLASSES = (
    ClassInfo(0, 'background', (0, 0, 0)),
    ClassInfo(ROAD, 'road', (128, 64, 128)),
    ClassInfo(LINE, 'line', (255, 40, 40)),
)
LEAST_SIDE = 64
Mask = NDArray[np.bool_]


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

    roads: Path
    variants: int = 1
    seed: int = 0


def synthesize_lanes(job: Job, out: Path, on_progress: OnProgress) -> LaneSummary:
    """Paint every photo of the job's folder into the new folder `out`.

    RequestError or DataError, before or while it works, leaves nothing behind.
    """
    _check(job)
    classes = [entry.name for entry in classes_from_folder(job.roads)]
    if 'road' not in classes:
        raise RequestError(
            f'{str(job.roads)!r} has no class named road, only {", ".join(classes)}; '
            f'rename the class of the road surface in its classes.yaml'
        )
    pairs, groups = pairs_from_folder(job.roads), groups_from_folder(job.roads)
    scenes = _scenes(job, pairs, classes)
    shares, without = [], 0
    with synthesis_folder(out) as folder:
        for done, (pair, name, road, scene) in enumerate(scenes, 1):
            folder.add(name, groups.get(pair.name, pair.name), scene.image, {MASKS: scene.mask})
            shares.append(_shares(road, scene))
            without += not scene.has_road
            on_progress('painting lanes', done, len(pairs) * job.variants)
        medians = (float(share) for share in np.median(shares, axis=0))
        summary = LaneSummary(str(out), len(shares), without, *medians)
        folder.finish(LANE_CLASSES, _recipe(job, pairs, summary))
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


def _scenes(
    job: Job, pairs: Sequence[Pair], classes: Sequence[str]
) -> Iterator[tuple[Pair, str, Mask, Scene]]:
    """Yield source, name of the image, road of the source and painted scene, in order."""
    for pair in pairs:
        image, labels = read_pair(pair, len(classes))
        if min(labels.shape) < LEAST_SIDE:
            size = f'{labels.shape[1]}x{labels.shape[0]}'
            raise DataError(
                f'{str(pair.image)!r} is {size}, too small to paint; '
                f'give photos of {LEAST_SIDE}x{LEAST_SIDE} or more'
            )
        road = labels == classes.index('road')
        mask = np.where(road, np.uint8(ROAD), np.where(labels == IGNORE, labels, np.uint8(0)))
        for variant in range(job.variants):
            scene = paint_scene(image, mask, random_for(job.seed, pair.name, variant))
            yield pair, f'{pair.name}_{variant}', road, scene


def _shares(road: Mask, scene: Scene) -> tuple[float, ...]:
    """Return which shares of the source's road became line, may be real lines, are ignored."""
    parts = scene.mask == LINE, scene.real > 0, scene.mask == IGNORE
    return tuple(float((part & road).sum() / max(1, road.sum())) for part in parts)


def _recipe(job: Job, pairs: Sequence[Pair], summary: LaneSummary) -> dict[str, Any]:
    """Say how to make the same folder again, and what it holds."""
    words = 'unet_perception synth lanes ROADS OUT'
    told = {key: value for key, value in summary._asdict().items() if key != 'folder'}
    return {
        'command': f'{words} --variants {job.variants} --seed {job.seed}',
        'variants': job.variants,
        'seed': job.seed,
        'source_sha256': _sha256_from_pairs(job.roads, pairs),
        **told,
    }


def _sha256_from_pairs(root: Path, pairs: Sequence[Pair]) -> str:
    """Hash the names and bytes of all that was read."""
    digest = hashlib.sha256()
    beside = [root / name for name in (CLASSES, GROUPS) if (root / name).is_file()]
    for file in (*beside, *(file for pair in pairs for file in (pair.image, pair.mask))):
        digest.update(f'{file.relative_to(root).as_posix()}/'.encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
