"""Measures the U-Net family and writes the tables of docs/architectures.md.

    python -m docs.architectures             the tables anew, of what was measured here
    python -m docs.architectures costs       parameters, GFLOPs and CPU time first: minutes
    python -m docs.architectures scores      a training of each first: a quarter of an hour

Knows what is measured and how; the words around the tables are the page's own. What was measured
is in out/architectures/; a table whose measurement is not there stays as it is. A training that
was interrupted goes on where it was.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
import json
import os
from pathlib import Path
import platform
import re
from statistics import median
import sys
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from docs.marked import with_tables
from unet_perception.cli.main import main as command
from unet_perception.core.engine import Engine, EngineOptions
from unet_perception.core.files import replace_file
from unet_perception.core.frame import U8
from unet_perception.core.geometry import Size
from unet_perception.core.manifest import Artifact, ModelFile
from unet_perception.engines import ENGINES
from unet_perception.export.onnx_from_checkpoint import onnx_from_network
from unet_perception.export.wrap import wrap
from unet_perception.training.family import VARIANTS, UNetConfig
from unet_perception.training.plan import TrainingPlan
from unet_perception.training.unet import UNet
from unet_perception.training.validation import MEAN, STD

PAGE, OUT = Path(__file__).with_suffix('.md'), Path('out') / 'architectures'
SIZE, ROUNDS, WARM_UP = Size(256, 512), 40, 3
"""Of the input at which costs are measured; timed runs of each; runs before."""
IMAGES, TASK_SEED, TASK_SIZE = 120, 0, Size(96, 160)
PLAN = TrainingPlan(size=TASK_SIZE, epochs=12, batch=4)
BASE = 'mobile'
ROWS = {
    **{name: UNetConfig(variant=name) for name in VARIANTS},
    'mobile, group norm': UNetConfig(norm='group'),
    'mobile, stem stride 1': UNetConfig(stem_stride=1),
    'standard, stem stride 1': UNetConfig(variant='standard', stem_stride=1),
}
"""All have the same channels by level; those of `VARIANTS` are scored."""


def costs() -> dict[str, Any]:
    """Return what each row of the table costs, and on what it was measured."""
    rows = {name: {**counts_of(config), 'ms': {}} for name, config in ROWS.items()}
    for backend in ENGINES:
        for name, times in times_of(backend).items():
            rows[name]['ms'][backend] = times
    packages = {name: version(name) for name in ('torch', *ENGINES)}
    return {'rows': rows, 'packages': packages, 'processor': processor()}


def counts_of(config: UNetConfig) -> dict[str, float]:
    """Count parameters and floating-point operations, without computing anything."""
    with torch.device('meta'), FlopCounterMode(display=False) as counter:
        network = UNet(config).eval()
        network(torch.zeros(1, 3, *SIZE))
    parameters = sum(each.numel() for each in network.parameters())
    return {'parameters': parameters, 'gflops': counter.get_total_flops() / 1e9}


def times_of(backend: str) -> dict[str, list[float]]:
    """Time all rows in turn, so that whoever disturbs the machine disturbs all; in ms."""
    image = torch.randint(0, 256, (1, *SIZE, 3), dtype=torch.uint8).numpy()
    engines = {name: engine_of(backend, config) for name, config in ROWS.items()}
    times: dict[str, list[float]] = {name: [] for name in ROWS}
    for turn in range(WARM_UP + ROUNDS):
        for name, engine in engines.items():
            taken = run_ms(engine, image)
            times[name] += [taken] if turn >= WARM_UP else []
    for engine in engines.values():
        engine.close()
    return times


def engine_of(backend: str, config: UNetConfig) -> Engine:
    """Open the network as a node would: bytes in, bytes out, on one thread."""
    content = wrap(onnx_from_network(UNet(config), SIZE), MEAN, STD, 1.0).SerializeToString()
    module = import_module(f'unet_perception.engines.{ENGINES[backend].module}')
    artifact = Artifact(ModelFile('model.onnx', '', len(content)), 'fp32', *SIZE)
    engine: Engine = module.open_engine(content, artifact, config.classes, EngineOptions(1))
    return engine


def run_ms(engine: Engine, image: U8) -> float:
    """Run once; return how long that took."""
    return engine.infer(image).times.run_ns / 1e6


def processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    info = Path('/proc/cpuinfo')
    names = re.findall(r'model name\s*: (.*)', info.read_text()) if info.is_file() else []
    return names[0] if names else platform.machine()


def scores() -> dict[str, Any]:
    """Train each variant on the task; return the last epochs' validation mIoU."""
    from unet_perception.training.trainer import train

    data, rows = task_folder(), {}
    for name in VARIANTS:
        plan = replace(PLAN, unet=ROWS[name])
        reports: list[Any] = []
        history = train(data, data.with_name(f'{data.name}-{name}'), plan, reports.append)
        rows[name] = history[-1].miou
        print(f'{name}: mIoU {rows[name]:.4f}', flush=True)
    return {'rows': rows, 'packages': {'torch': version('torch')}}


def task_folder() -> Path:
    """Make the data of the task, unless it is there."""
    folder = OUT / f'tabletop-{IMAGES}-{TASK_SEED}-{TASK_SIZE.height}x{TASK_SIZE.width}'
    if not folder.is_dir():
        with TemporaryDirectory(dir=OUT) as scratch:  # half a data set would be used as a whole
            made = Path(scratch) / folder.name
            if command(synth(made)):
                sys.exit('the data of the task were not made')
            made.rename(folder)
    return folder


def synth(folder: Path) -> list[str]:
    """Return the arguments that make the data of the task."""
    size = [str(n) for n in TASK_SIZE]
    amounts = ['--images', str(IMAGES), '--seed', str(TASK_SEED), '--size', *size]
    return ['synth', 'tabletop', str(folder), *amounts]


MEASUREMENTS: dict[str, Callable[[], dict[str, Any]]] = {'costs': costs, 'scores': scores}


def family_table() -> str:
    """Return what each variant is made of."""
    lines = ['| variant | what it is | after |', '|---|---|---|']
    lines += [f'| `{name}` | {v.description} | {v.paper} |' for name, v in VARIANTS.items()]
    return '\n'.join(lines)


def results_table(measured: dict[str, Any], scored: dict[str, Any]) -> str:
    """Return what each variant costs, and how it scores."""
    engines = [f'{backend}, ms | × {BASE}' for backend in ENGINES]
    head = ['network', 'parameters, M', 'GFLOPs', *engines, 'mIoU']
    columns = ' | '.join(head)
    lines = [f'| {columns} |', f'|{"---|" * (columns.count("|") + 1)}']
    for name, row in measured['rows'].items():
        cells = [f'{row["parameters"] / 1e6:.2f}', f'{row["gflops"]:.2f}']
        for backend, times in row['ms'].items():
            base = measured['rows'][BASE]['ms'][backend]
            ratio = median(ours / theirs for ours, theirs in zip(times, base, strict=True))
            cells += [f'{median(times):.1f}', f'{ratio:.2f}']
        lines.append(f'| {name} | {" | ".join([*cells, score_text(scored, name)])} |')
    packages = ', '.join(f'{name} {number}' for name, number in measured['packages'].items())
    task = f'`unet_perception {" ".join(synth(Path("DATA")))}`'
    budget = f'{PLAN.epochs} epochs of batches of {PLAN.batch}, one seed'
    return '\n'.join([*lines, '', f'{measured["processor"]}; {packages}. mIoU: {task}, {budget}.'])


def score_text(scored: dict[str, Any], name: str) -> str:
    """Return how the last epoch scored."""
    score = scored.get('rows', {}).get(name)
    return f'{score:.3f}' if score else 'not measured'


def tables() -> dict[str, str]:
    """Return the page's tables, as far as they were measured."""
    made = {'family': family_table()}
    measured, scored = (stored(name) for name in MEASUREMENTS)
    if measured:
        made['results'] = results_table(measured, scored)
    return made


def stored(name: str) -> dict[str, Any]:
    """Return what was measured, or nothing."""
    file = OUT / f'{name}.json'
    return json.loads(file.read_text()) if file.is_file() else {}


def main(names: list[str]) -> None:
    """Measure what is named, then write the page."""
    if unknown := set(names) - set(MEASUREMENTS):
        sys.exit(f"{sorted(unknown)} can't be measured; there are {', '.join(MEASUREMENTS)}")
    torch.manual_seed(0)
    OUT.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as caches:
        os.environ['XDG_CACHE_HOME'] = caches  # of compiled models
        for name in names:
            result = MEASUREMENTS[name]()
            replace_file(OUT / f'{name}.json', json.dumps(result, indent=1).encode())
    PAGE.write_text(with_tables(PAGE.read_text(), tables(), 'docs/architectures.py'))


if __name__ == '__main__':
    main(sys.argv[1:])
