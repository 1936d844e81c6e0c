"""From a checkpoint to a model folder: files of every size and precision, tried, then published.

Knows the order of things; how files are made, tried and described is next door.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import json
from pathlib import Path
import shutil
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, NamedTuple

from ..core.checksums import SUMS, sums_of, visible_files
from ..core.geometry import Size
from ..core.manifest import MANIFEST, Artifact, ClassInfo, model_from_folder, parts_of
from ..core.progress import OnProgress
from ..core.segmentation_scores import Scores
from ..errors import DataError, EngineError, ModelError, RequestError
from ..training.checkpoint import load_checkpoint
from ..training.split import sha256_from_split, split_of_folder
from .about import ABOUT, about_from_folder
from .calibration_file import Calibration, load_calibration
from .card import FAILURES, RELIABILITY, card_from_manifest
from .document import Tried, manifest_document
from .files import Made, Recipe, make_files, write
from .pictures import failures_picture, reliability_picture
from .precision import PRECISIONS
from .reference_engine import reference_engine
from .tensorrt_build import Plan, trial_plan
from .trial import Classes, Outcome, try_files

CARD = 'MODEL_CARD.md'


class Wish(NamedTuple):
    """Which files are wanted; fp32 is made in any case, to compare the others with."""

    sizes: Sequence[Size] = ()
    """Operating points; none: the size of the training."""
    precisions: Sequence[str] = tuple(PRECISIONS)
    io: str = 'uint8'


class Exported(NamedTuple):
    """What an export yielded; with refusals, nothing was published."""

    folder: Path
    scores: dict[Size, Scores]
    outcomes: list[Outcome]
    refusals: list[str]


def export_model(
    checkpoint: Path, data: Path, folder: Path, on_progress: OnProgress, wish: Wish | None = None
) -> Exported:
    """Fill `folder`, which holds `about.json`; every file is tried on the validation images.

    All is made and tried elsewhere first, so an export that fails, or a file that is refused,
    leaves `folder` as it was. RequestError or DataError for what can't be exported.
    """
    about = about_from_folder(folder)
    _check_writable(folder)
    training, calibration, recipe = _understood(checkpoint, data, wish or Wish())
    infos = [ClassInfo(**entry) for entry in training['classes']]
    classes = Classes([info.name for info in infos], parts_of(infos))
    with TemporaryDirectory() as name:
        scratch = Path(name)
        made = make_files(scratch, recipe, on_progress)
        verdict = try_files(made, recipe.validation, classes, on_progress)
        plans, refusals = _built(made)
        refusals += [each.refusal for each in verdict.outcomes if each.refusal]
        if not refusals:
            tried = Tried(
                goldens={each.artifact.size: each.golden_file for each in made},
                verdict=verdict,
                plans=plans,
            )
            document = manifest_document(about, training, calibration, tried)
            _complete(scratch, document, made, recipe)
            _publish(scratch, folder)
    return Exported(folder, verdict.scores, verdict.outcomes, refusals)


def _understood(
    checkpoint: Path, data: Path, wish: Wish
) -> tuple[dict[str, Any], Calibration, Recipe]:
    """Read all that is needed; RequestError or DataError, before any work, if it does not fit."""
    network, training = load_checkpoint(checkpoint)
    calibration = load_calibration(checkpoint)
    split = split_of_folder(data)
    if sha256_from_split(split) != training['data_sha256']:
        raise DataError(
            f'{str(data)!r} is not the data that {str(checkpoint)!r} was trained on, so its '
            f'validation images may have been trained on; give the same folder'
        )
    sizes = list(dict.fromkeys(wish.sizes)) or [Size(*training['plan']['size'])]
    for size in sizes:
        network.config.check_size(size)
    precisions = [name for name in PRECISIONS if name == 'fp32' or name in wish.precisions]
    made_of = (network, training['normalisation'], calibration.temperature)
    training = {**training, 'unet': network.config.as_dict()}
    return training, calibration, Recipe(*made_of, sizes, precisions, wish.io, *split)


def _built(made: Sequence[Made]) -> tuple[dict[Artifact, Plan | None], list[str]]:
    """Let TensorRT build every file, where it is installed; return plans, and what it refuses."""
    plans: dict[Artifact, Plan | None] = {}
    refusals: list[str] = []
    for each in made:
        with _noted(refusals):
            artifact = each.artifact
            plans[artifact] = trial_plan(each.content, artifact.file.file, artifact.io)
    return plans, refusals


@contextmanager
def _noted(refusals: list[str]) -> Iterator[None]:
    """Add what an engine refuses to `refusals`, and go on."""
    try:
        yield
    except EngineError as exc:
        refusals.append(str(exc))


def _complete(
    folder: Path, document: dict[str, Any], made: Sequence[Made], recipe: Recipe
) -> None:
    """Write what stands beside the files: pictures, manifest and card."""
    best = max(document['operating_points'], key=lambda point: point['scores']['miou'])
    first = next(each for each in made if each.artifact.size == (best['height'], best['width']))
    colors = [tuple(entry['color']) for entry in document['classes']]
    with reference_engine(first.content, first.artifact, len(colors)) as engine:
        write(folder, FAILURES, failures_picture(engine, recipe.validation, colors))
    if 'before' in document['calibration']:
        write(folder, RELIABILITY, reliability_picture(document['calibration']))
    write(folder, MANIFEST, json.dumps(document, indent=2, ensure_ascii=False).encode() + b'\n')
    write(folder, CARD, card_from_manifest(document).encode())
    try:
        model_from_folder(folder)
    except ModelError as exc:
        raise RequestError(
            f'checkpoint and {ABOUT} make no valid manifest: {exc.__cause__}'
        ) from exc


def _publish(built: Path, folder: Path) -> None:
    """Put what was built into `folder`, manifest and sums last; remove what it no longer names.

    All is written beside its place first: where the disk is full, the old model stays whole.
    """
    names = {file.name for file in built.iterdir()}
    ours = ('model.*.onnx', 'golden.*.npz', RELIABILITY)
    old = {file.name for pattern in ours for file in folder.glob(pattern)} - names
    kept = [file for file in visible_files(folder) if file.name not in {*names, *old, SUMS}]
    write(built, SUMS, sums_of([*built.iterdir(), *kept]))
    with TemporaryDirectory(dir=folder, prefix='.export.') as staging:
        copied = [Path(shutil.copy(file, staging)) for file in built.iterdir()]
        for file in sorted(copied, key=lambda file: (file.name in (MANIFEST, SUMS), file.name)):
            file.replace(folder / file.name)
    for name in old:
        (folder / name).unlink()


def _check_writable(folder: Path) -> None:
    """RequestError or ModelError, before any work, if the model can't be written there."""
    sums_of(file for file in visible_files(folder) if file.name != SUMS)
    try:
        TemporaryFile(dir=folder).close()
    except OSError as exc:
        raise RequestError(
            f"{str(folder)!r} can't be written ({exc.strerror}); give a folder of your own, with "
            f'its {ABOUT}'
        ) from exc
