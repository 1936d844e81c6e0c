"""What a demo run yielded: compared with the offline pipeline, summed up, drawn.

Knows the files that `camera_player` and `mask_recorder` write; not how they were run.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
import csv
from itertools import islice
import json
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ..core.footage import frames_from_path
from ..core.frame import U8, frame_from_pixels
from ..core.health import Outcome
from ..core.manifest import Model, model_from_folder
from ..core.overlay import bgr_table, overlay
from ..core.pipeline import SegmentationPipeline, digest_of
from ..engines import choose_backend, choose_precision, default_artifact, open_engine
from ..errors import RequestError
from ..report.demo import DemoTrace, Still, write_demo_report

STILLS = 4
FRAME_ID = 'camera_optical_frame'  # the player's default
PERCENTILES = ('p50', 'p95', 'p99', 'max')
STAGES = ('decode', 'preprocess', 'inference', 'postprocess', 'publish')


class DemoRun(NamedTuple):
    """A finished run: where its files are, and what was played with which model."""

    folder: Path
    source: Path
    model: Path
    backend: str
    rate: float
    frames: int
    """How many images were to be sent."""


class Sent(NamedTuple):
    """One image that the player sent."""

    source_frame: int
    stamp_ns: int


class Received(NamedTuple):
    """One pair of mask and confidence that the recorder received."""

    stamp_ns: int
    arrived_ns: int
    identity: str
    """Frame id, size and digest."""
    class_pixels: dict[int, int]


def write_results(run: DemoRun, out: Path) -> dict[str, Any]:
    """Write `summary.json`, `overlay.mp4` and `report.html` to `out`; return the summary."""
    sent = [Sent(int(r['source_frame']), int(r['stamp_ns'])) for r in _rows(run, 'sent.csv')]
    received = [
        Received(
            int(r['stamp_ns']),
            int(r['arrived_ns']),
            _identity(r['frame_id'], int(r['width']), int(r['height']), r['digest']),
            {int(k): n for k, n in json.loads(r['class_pixels']).items()},
        )
        for r in _rows(run, 'masks.csv')
    ]
    statuses = json.loads((run.folder / 'diagnostics.json').read_text())
    model = model_from_folder(run.model)
    source_of = {image.stamp_ns: image.source_frame for image in sent}
    answers = {source_of[r.stamp_ns]: r.identity for r in received if r.stamp_ns in source_of}
    played = max((image.source_frame for image in sent), default=-1) + 1
    identities, stills = _offline(run, model, answers, played, out / 'overlay.mp4')
    summary = {
        **_counts(sent, received, statuses),
        **_times(received, statuses),
        'class_share': _class_share(model, received),
        'offline_equal': bool(received)
        and all(identities.get(source_of.get(r.stamp_ns, -1)) == r.identity for r in received),
        'masks_unpaired': json.loads((run.folder / 'unpaired.json').read_text()),
        'backend': statuses['engine'].get('backend'),
        'node_rss_mb': float(statuses['engine']['rss_mb']),
        'model': f'{model.manifest.name} {model.manifest.version}',
    }
    (out / 'summary.json').write_text(json.dumps(summary, indent=2) + '\n')
    start = sent[0].stamp_ns if sent else 0
    trace = DemoTrace(
        np.array([(r.arrived_ns - start) / 1e9 for r in received]),
        np.array([(r.arrived_ns - r.stamp_ns) / 1e6 for r in received]),
    )
    write_demo_report(out / 'report.html', summary, trace, stills)
    return summary


def complaints(summary: Mapping[str, Any], frames: int) -> list[str]:
    """Say what makes a run of `frames` images a failure; empty if nothing does."""
    sent, received = summary['frames_sent'], summary['masks_received']
    known = {name: share for name, share in summary['class_share'].items() if name != 'unknown'}
    rules = {
        'no mask came back': not received,
        'fewer than half of the images came back as masks': 0 < received < 0.5 * sent,
        f'{sent} images were sent instead of {frames}': sent != frames,
        "a mask or confidence differs from the offline pipeline's": received
        and not summary['offline_equal'],
        'masks came without their confidence, or with another header': summary['masks_unpaired'],
        'more came back than was sent': received > summary['masks_published']
        or summary['lost_in_transport'] < 0,
        'fewer than two classes appear in the masks': sum(s > 0 for s in known.values()) < 2,
    }
    return [complaint for complaint, holds in rules.items() if holds]


def _identity(frame_id: str, width: int, height: int, digest: str) -> str:
    return f'{frame_id} {width}x{height} {digest}'


def _rows(run: DemoRun, name: str) -> Iterator[dict[str, str]]:
    with (run.folder / name).open(newline='') as stream:
        yield from csv.DictReader(stream)


def _counts(
    sent: list[Sent], received: list[Received], statuses: Mapping[str, Any]
) -> dict[str, Any]:
    counters = {outcome.value: int(statuses['input'][outcome.value]) for outcome in Outcome}
    frames_received = int(statuses['input']['frames_received'])
    return {
        'frames_sent': len(sent),
        'frames_received': frames_received,
        'lost_in_transport': len(sent) - frames_received,
        'masks_published': counters['published'],
        'masks_received': len(received),
        'counters': counters,
    }


def _times(received: list[Received], statuses: Mapping[str, Any]) -> dict[str, Any]:
    """Return rate and latency as the consumer saw them, and the node's own stages."""
    latency, fps = None, None
    if received:
        values = [(r.arrived_ns - r.stamp_ns) / 1e6 for r in received]
        p50, p95, p99 = (float(value) for value in np.percentile(values, (50, 95, 99)))
        latency = {'p50': p50, 'p95': p95, 'p99': p99, 'max': max(values)}
    if len(received) > 1:
        span_s = (received[-1].arrived_ns - received[0].arrived_ns) / 1e9
        fps = (len(received) - 1) / span_s
    stages = {name: _percentiles(statuses['latency'], name) for name in STAGES}
    engine = {key: stages['inference'][key] for key in ('p50', 'p95')}
    return {'fps': fps, 'latency_ms': latency, 'engine_ms': engine, 'stages_ms': stages}


def _percentiles(values: Mapping[str, str], stage: str) -> dict[str, float | None]:
    texts = {key: values[f'{stage}_{key}_ms'] for key in PERCENTILES}
    return {key: None if text == 'n/a' else float(text) for key, text in texts.items()}


def _class_share(model: Model, received: list[Received]) -> dict[str, float]:
    total = sum(sum(r.class_pixels.values()) for r in received)
    names = {info.id: info.name for info in model.manifest.classes} | {255: 'unknown'}
    pixels = {k: sum(r.class_pixels.get(k, 0) for r in received) for k in names}
    return {name: pixels[k] / total if total else 0.0 for k, name in names.items()}


def _offline(
    run: DemoRun, model: Model, answers: Mapping[int, str], played: int, video: Path
) -> tuple[dict[int, str], list[Still]]:
    """Segment each image that was played offline; return identities by image, and stills.

    The video shows a mask only where the one that was received is equal to it.
    """
    backend = choose_backend(run.backend).backend
    artifact, _ = default_artifact(model, choose_precision('auto', backend, model))
    table = bgr_table(model.manifest.colors)
    identities: dict[int, str] = {}
    stills: list[Still] = []
    keep = set(np.linspace(0, max(answers, default=0), STILLS + 1, dtype=int)[:STILLS])
    with (
        open_engine(backend, model, artifact) as engine,
        closing(_VideoFile(video, run.rate)) as film,
    ):
        pipeline = SegmentationPipeline(engine, model.manifest.resize)
        for k, bgr in enumerate(islice(frames_from_path(run.source), played)):
            result = pipeline.run(frame_from_pixels(bgr, 'bgr8'))
            height, width = result.mask.shape
            digest = digest_of(result.mask.data, result.confidence.data)
            identities[k] = _identity(FRAME_ID, width, height, digest)
            is_equal = answers.get(k) == identities[k]
            picture = overlay(bgr, result.mask, table) if is_equal else bgr
            film.write(picture)
            if k in keep:
                stills.append(Still(f'image {k}: as received' if is_equal else 'no mask', picture))
    return identities, stills


class _VideoFile:
    """An MPEG-4 file that takes its size from the first picture."""

    def __init__(self, file: Path, rate: float) -> None:
        self._file, self._rate = file, rate
        self._writer: Any = None

    def write(self, bgr: U8) -> None:
        if self._writer is None:
            code = cv2.VideoWriter.fourcc(*'mp4v')
            size = (bgr.shape[1], bgr.shape[0])
            self._writer = cv2.VideoWriter(str(self._file), code, self._rate, size)
            if not self._writer.isOpened():
                raise RequestError(f"{str(self._file)!r} can't be written; choose another --out")
        self._writer.write(bgr)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()
