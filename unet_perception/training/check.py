"""What would ruin a training run, found before its first step.

Knows files, ids and splits; not how findings are shown, nor the network.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.frame import U8
from ..core.geometry import Size
from ..core.manifest import ClassInfo
from ..core.progress import OnProgress
from ..core.scores import IGNORE
from ..errors import DataError
from .dataset import Pair, matched, read_pair
from .labels import GROUPS, classes_from_folder, groups_from_folder
from .split import SPLIT, Split, sha256_from_split, split_of_folder

Counts = NDArray[np.int64]
FEW = 0.001
"""Share of pixels below which a class is called rare."""


class Finding(NamedTuple):
    """One thing that is wrong; an error forbids training, a warning does not."""

    is_error: bool
    sentence: str


class PairFacts(NamedTuple):
    """What was seen of a pair that can be used."""

    pair: Pair
    size: Size
    counts: Counts  # (256,) pixels by id
    digest: bytes  # of the image's pixels


class DataCheck(NamedTuple):
    """All that is known of a folder; no split and an empty `sha256` if one can't be made."""

    classes: tuple[ClassInfo, ...]
    facts: list[PairFacts]
    findings: list[Finding]
    split: Split | None
    sha256: str

    @property
    def errors(self) -> list[str]:
        """Return what forbids training."""
        return [finding.sentence for finding in self.findings if finding.is_error]

    def shares(self, pairs: Sequence[Pair] | None = None) -> dict[str, float]:
        """Return each class's share of the labelled pixels, of all pairs or of these."""
        names = None if pairs is None else {pair.name for pair in pairs}
        counts = _sum(f.counts for f in self.facts if names is None or f.pair.name in names)
        return _shares(self.classes, counts)


def check_folder(root: Path, on_progress: OnProgress) -> DataCheck:
    """Look at every file of `root`; DataError only if there is nothing to look at.

    Makes the folder's split if it has none and could be trained on.
    """
    classes = classes_from_folder(root)
    pairs, problems = matched(root)
    facts, findings = [], [Finding(True, problem) for problem in problems]
    for done, pair in enumerate(pairs, 1):
        try:
            facts.append(_facts(pair, len(classes)))
        except DataError as exc:
            findings.append(Finding(True, str(exc)))
        on_progress('checking the data', done, len(pairs))
    groups = groups_from_folder(root)
    findings += _about_groups(groups, pairs)
    findings += _about_classes(classes, facts)
    split = None
    if not any(finding.is_error for finding in findings):
        try:
            split = split_of_folder(root)
            findings += _about_split(classes, facts, split, groups)
        except DataError as exc:
            findings.append(Finding(True, str(exc)))
    sha256 = sha256_from_split(split) if split else ''
    return DataCheck(classes, facts, findings, split, sha256)


def _facts(pair: Pair, classes: int) -> PairFacts:
    image, mask = read_pair(pair, classes)
    counts = np.bincount(mask.ravel(), minlength=256)
    return PairFacts(pair, Size(*mask.shape), counts, _digest(image))


def _digest(image: U8) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()


def _sum(counts: Iterator[Counts]) -> Counts:
    total: Counts = np.sum([np.zeros(256, np.int64), *counts], axis=0)
    return total


def _shares(classes: Sequence[ClassInfo], counts: Counts) -> dict[str, float]:
    labelled = int(counts[: len(classes)].sum())
    return {c.name: float(counts[c.id] / labelled) if labelled else 0.0 for c in classes}


def _about_groups(groups: Mapping[str, str], pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Tell of names that no image has: their images would be split one by one."""
    strange = sorted(set(groups) - {pair.name for pair in pairs})
    if strange:
        yield Finding(
            True,
            f'{GROUPS} names {_names(strange)}, which no image with a mask is called; write names '
            f'without .jpg or .png',
        )


def _about_classes(classes: Sequence[ClassInfo], facts: Sequence[PairFacts]) -> Iterator[Finding]:
    """Tell of classes without pixels or with few, and of masks without any."""
    if not facts:
        return
    for name, share in _shares(classes, _sum(f.counts for f in facts)).items():
        if share == 0.0:
            folder = str(facts[0].pair.mask.parent)
            yield Finding(
                True,
                f'{folder!r} shows no pixel of class {name!r}; masks hold class ids 0 to '
                f'{len(classes) - 1}, and {IGNORE} where nothing is labelled',
            )
        elif share < FEW:
            yield Finding(
                False,
                f'class {name!r} has {100 * share:.3f} % of the pixels: consider class_weights, '
                f'sampling: rare, or a Dice loss',
            )
    empty = [f.pair.name for f in facts if not f.counts[1 : len(classes)].any()]
    if empty:
        yield Finding(False, f'{_names(empty)} show nothing but background; is that meant?')


def _about_split(
    classes: Sequence[ClassInfo],
    facts: Sequence[PairFacts],
    split: Split,
    groups: Mapping[str, str],
) -> Iterator[Finding]:
    """Tell of what the two sides share, and of what one of them lacks."""
    side_of = {name: side for side, names in split.names().items() for name in names}
    for side in Split._fields:
        counts = _sum(f.counts for f in facts if side_of[f.pair.name] == side)
        shares = _shares(classes, counts)
        for name, share in shares.items():
            if share == 0.0:
                yield Finding(
                    side == 'training' or not any(shares.values()),
                    f'no {side} mask shows class {name!r}; move pairs in {SPLIT}, or add some',
                )
    sides = [{groups[p.name] for p in pairs if p.name in groups} for pairs in split]
    if shared := sorted(set.intersection(*sides)):
        yield Finding(
            True,
            f'{SPLIT} has group {shared[0]!r} of {GROUPS} on both sides; remove {SPLIT} to have '
            f'one made by groups',
        )
    yield from _about_duplicates(facts, side_of)


def _about_duplicates(facts: Sequence[PairFacts], side_of: Mapping[str, str]) -> Iterator[Finding]:
    """Tell of equal images: on both sides of the split they make the scores worthless."""
    same = defaultdict(list)
    for fact in facts:
        same[fact.digest].append(fact.pair.name)
    for names in same.values():
        sides = {side_of[name] for name in names}
        if len(sides) > 1:
            yield Finding(
                True,
                f'{_names(names)} are the same image, in training and validation: keep one, or '
                f'give them one group in {GROUPS} and remove {SPLIT}',
            )
        elif len(names) > 1:
            yield Finding(False, f'{_names(names)} are the same image; keep one')


def _names(names: Sequence[str], most: int = 5) -> str:
    shown = ', '.join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f'{shown} and {len(names) - most} more'
