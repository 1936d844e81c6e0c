"""A model folder's manifest: what the model is, and which files may be believed.

Knows JSON, hashes and the schema; not what is inside an ONNX file. Every file is read whole and
checked against its hash before anyone else sees a byte of it.
"""

from collections.abc import Mapping, Sequence
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ModelError
from .geometry import Resize, Size
from .overlay import Color

SCHEMA = 1
PRECISIONS = ('fp32', 'fp16', 'int8')
IO_TYPES = ('uint8', 'float32')
MANIFEST = 'manifest.json'
MOST_CLASSES = 8
_MANIFEST_BYTES = 1 << 20
_MODEL_BYTES = 1 << 30


class ClassInfo(NamedTuple):
    """One class; its id is the mask's value."""

    id: int
    name: str
    color: Color  # RGB
    part_of: str = ''
    """Name of the class whose surface this one lies on, as a line on a road; mostly none."""

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values, without what is not said."""
        values: dict[str, Any] = {'id': self.id, 'name': self.name, 'color': list(self.color)}
        return {**values, **({'part_of': self.part_of} if self.part_of else {})}


def parts_of(classes: Sequence[ClassInfo]) -> dict[int, int]:
    """Map the id of each class that is a part to that of its whole; ValueError if it has none."""
    wholes = {entry.name: entry.id for entry in classes if not entry.part_of}
    for entry in classes:
        _require(
            not entry.part_of or entry.part_of in wholes,
            f'class {entry.name!r} is part_of {entry.part_of!r}, which is no whole class',
        )
    return {entry.id: wholes[entry.part_of] for entry in classes if entry.part_of}


class ModelFile(NamedTuple):
    """A file of the model folder and what its bytes must be."""

    file: str
    sha256: str
    bytes: int


class Artifact(NamedTuple):
    """One ONNX file: a precision at an operating point."""

    file: ModelFile
    precision: str
    height: int
    width: int
    io: str = 'uint8'
    """Type of its input and output: uint8, or float32 of the same values."""

    @property
    def size(self) -> Size:
        """The size of its input."""
        return Size(self.height, self.width)


class OperatingPoint(NamedTuple):
    """An input size, its measured scores and the golden image that proves an engine at it."""

    height: int
    width: int
    scores: Mapping[str, float]
    golden: ModelFile

    @property
    def name(self) -> str:
        """The size as people and parameters write it: height x width."""
        return f'{self.height}x{self.width}'


class Calibration(NamedTuple):
    """How confidences were calibrated; `data_sha256` is empty if they never were."""

    temperature: float
    ece_before: float
    ece_after: float
    data_sha256: str


class Manifest(NamedTuple):
    """The parsed `manifest.json`; `document` is the whole of it, as plain JSON values."""

    name: str
    version: str
    task: str
    classes: tuple[ClassInfo, ...]
    resize: Resize
    operating_points: tuple[OperatingPoint, ...]
    artifacts: tuple[Artifact, ...]
    calibration: Calibration
    document: Mapping[str, Any]

    @property
    def colors(self) -> list[Color]:
        """Return the classes' RGB colours, by id."""
        return [info.color for info in self.classes]

    @property
    def parts(self) -> dict[int, int]:
        """Return the id of the whole for the id of each class that is a part of one."""
        return parts_of(self.classes)

    @property
    def best_first(self) -> list[OperatingPoint]:
        """The operating points by score, of equal ones the largest first."""
        return sorted(
            self.operating_points,
            key=lambda point: (point.scores.get('miou', 0.0), point.height * point.width),
            reverse=True,
        )

    def artifact(self, precision: str, point: OperatingPoint) -> Artifact:
        """Return the file for a precision at an operating point; ModelError if there is none."""
        for artifact in self.artifacts:
            if (artifact.precision, artifact.height, artifact.width) == (precision, *point[:2]):
                return artifact
        raise ModelError(f'model {self.name!r} has no {precision} file for {point.name}')


class Model(NamedTuple):
    """A model folder whose manifest has been understood."""

    folder: Path
    manifest: Manifest

    def read(self, file: ModelFile) -> bytes:
        """Return the file's bytes; ModelError, with its name, unless size and hash agree."""
        path = self.folder / file.file
        content = _bytes_of(path, _MODEL_BYTES)
        if len(content) != file.bytes:
            raise ModelError(
                f'{str(path)!r} has {len(content)} bytes, the manifest says {file.bytes}; '
                f'it is truncated or replaced: restore the model folder'
            )
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise ModelError(
                f'{str(path)!r} is not the file that the manifest was written for '
                f'(sha256 differs); restore the model folder'
            )
        return content

    def files(self) -> list[ModelFile]:
        """List every file that the manifest vouches for."""
        points = self.manifest.operating_points
        return [a.file for a in self.manifest.artifacts] + [p.golden for p in points]


def model_from_folder(folder: Path) -> Model:
    """Read and check `folder/manifest.json`; ModelError says what is wrong with it."""
    path = folder / MANIFEST
    content = _bytes_of(path, _MANIFEST_BYTES)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise ModelError(f'{str(path)!r} is not JSON: {exc}') from exc
    schema = document.get('schema') if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise ModelError(
            f'{str(path)!r} has schema {schema!r:.80}; this version reads schema {SCHEMA}: '
            f'export the model again or update the package'
        )
    try:
        return Model(folder, _manifest_from_document(document))
    except (KeyError, TypeError, ValueError) as exc:
        what = f'lacks {exc}' if isinstance(exc, KeyError) else f'has a wrong value: {exc}'
        raise ModelError(f'{str(path)!r} {what:.300}; export the model again') from exc


def _bytes_of(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise ModelError(f"{str(path)!r} is larger than {most} bytes; it can't be right")
        return path.read_bytes()
    except OSError as exc:
        raise ModelError(f"{str(path)!r} can't be read: {exc.strerror}") from exc


def _manifest_from_document(values: Mapping[str, Any]) -> Manifest:
    """Build the manifest; KeyError, TypeError or ValueError if a field is not as it must be."""
    io = values['input']['dtype']
    _require(io in IO_TYPES, f'input.dtype must be one of {", ".join(IO_TYPES)}')
    fixed = {
        'input': {'layout': 'NHWC', 'channels': 'rgb'},
        'output': {'kind': 'probabilities', 'layout': 'NCHW', 'dtype': io},
    }
    for section, expected in fixed.items():
        for key, value in expected.items():
            _require(values[section][key] == value, f'{section}.{key} must be {value!r}')
    classes = tuple(_class_from(k, entry) for k, entry in enumerate(values['classes']))
    _require(2 <= len(classes) <= MOST_CLASSES, f'2 to {MOST_CLASSES} classes are possible')
    parts_of(classes)
    points = tuple(_point_from(entry) for entry in values['operating_points'])
    _require(bool(points), 'operating_points is empty')
    artifacts = tuple(_artifact_from(entry, io) for entry in values['artifacts'])
    _require(
        {(a.height, a.width) for a in artifacts} == {point[:2] for point in points},
        'artifacts and operating_points must be of the same sizes',
    )
    calibration = Calibration(**{k: values['calibration'][k] for k in Calibration._fields})
    _require(0.01 <= calibration.temperature <= 100.0, 'temperature must be 0.01 to 100')
    return Manifest(
        name=_text(values['name']),
        version=_text(values['version']),
        task=_text(values['task']),
        classes=classes,
        resize=Resize(values['input']['resize']),
        operating_points=points,
        artifacts=artifacts,
        calibration=calibration,
        document=values,
    )


def _class_from(position: int, entry: Mapping[str, Any]) -> ClassInfo:
    _require(entry['id'] == position, f'class ids count from 0; found {entry["id"]!r}')
    red, green, blue = (_integer(part, 0, 255) for part in entry['color'])
    part_of = _text(entry['part_of']) if 'part_of' in entry else ''
    return ClassInfo(position, _text(entry['name']), (red, green, blue), part_of)


def _file_from(entry: Mapping[str, Any]) -> ModelFile:
    name = _text(entry['file'])
    is_plain = Path(name).name == name and name.isprintable()
    _require(is_plain, f'file {name!r} must lie in the model folder itself')
    return ModelFile(name, _text(entry['sha256']), _integer(entry['bytes'], 1, _MODEL_BYTES))


def _artifact_from(entry: Mapping[str, Any], io: str) -> Artifact:
    precision = _text(entry['precision'])
    _require(precision in PRECISIONS, f'precision {precision!r} is unknown')
    return Artifact(_file_from(entry), precision, *_size_from(entry), io)


def _point_from(entry: Mapping[str, Any]) -> OperatingPoint:
    scores = dict(entry['scores'])
    for name, value in scores.items():
        _require(type(value) in (int, float), f'score {name!r:.80} is {value!r:.80}, not a number')
    return OperatingPoint(*_size_from(entry), scores, _file_from(entry['golden']))


def _size_from(entry: Mapping[str, Any]) -> tuple[int, int]:
    return _integer(entry['height'], 8, 8192), _integer(entry['width'], 8, 8192)


def _integer(value: Any, least: int, most: int) -> int:
    _require(type(value) is int and least <= value <= most, f'{value!r} is not {least} to {most}')
    return int(value)


def _text(value: Any) -> str:
    _require(
        isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable(),
        f'{value!r} is not a short text',
    )
    return str(value)


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)
