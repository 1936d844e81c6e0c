"""The served file for minutes at full speed, and the plan that is kept: found, spoilt, rebuilt.

Knows what may grow or drift; not what is inferred.
"""

from pathlib import Path
from time import monotonic, perf_counter_ns
from typing import Any

import numpy as np

from unet_perception.core.engine import Engine, EngineOptions
from unet_perception.core.golden import check_golden
from unet_perception.core.histogram import RollingHistogram

from .gpu_cases import Case
from .gpu_files import Trial

TENTHS = 10
MOST_GROWTH_MB = 10.0
"""Of this process's memory, from the end of the first tenth to the end of the last."""


def soak(trial: Trial, case: Case, seconds: float) -> dict[str, Any]:
    """Infer without a pause for `seconds`; a tenth's row has its latency, memory and heat."""
    engine, _ = trial.opened(trial.rig.machine, case)
    with engine:
        expected = engine.infer(case.golden.image[None]).probabilities.copy()
        tenths = []
        for k in range(TENTHS):
            trial.on_progress('soak', k, TENTHS)
            tenths.append(_tenth(trial, engine, case, seconds / TENTHS))
            with trial.findings.part(f'{case.name}, soak'):
                answer = engine.infer(case.golden.image[None]).probabilities
                tenths[-1]['is_same'] = bool(np.array_equal(answer, expected))
    result = _summary(case, seconds, tenths)
    _judge(trial, case, result)
    return result


def reload(trial: Trial, case: Case) -> dict[str, Any]:
    """Open a plan that is kept, spoil it, and open it again; both must give the golden answer."""
    times: dict[str, Any] = {'file': case.artifact.file.file}
    key = trial.rig.machine.key_of(case.content, case.artifact, EngineOptions())
    plan = trial.rig.cache.folder / f'{key.name}.plan'
    for act, origin in (('found', 'found'), ('spoilt', 'built')):
        if act == 'spoilt':
            spoil(plan)
        engine, times[f'{act}_open_s'] = trial.opened(trial.rig.machine, case)
        with engine:
            times[f'{act}_plan'] = told = engine.facts['plan']
            trial.findings.require(told.startswith(origin), f'reload: {act}, but {told}')
            check_golden(engine, case.golden)
    return times


def spoil(plan: Path) -> None:
    """Change one byte in the middle of a plan."""
    content = bytearray(plan.read_bytes())
    content[len(content) // 2] ^= 0xFF
    plan.write_bytes(content)


def temperatures(root: Path = Path('/')) -> dict[str, float]:
    """Return what each thermal zone of Linux tells, degrees Celsius; some tell nothing."""
    zones = sorted((root / 'sys/class/thermal').glob('thermal_zone*'))
    told = {zone.name.removeprefix('thermal_zone'): _temperature(zone) for zone in zones}
    return {f'{number} {heat[0]}': heat[1] for number, heat in told.items() if heat}


def _temperature(zone: Path) -> tuple[str, float] | None:
    """Return what a zone is and its temperature; None if it does not tell, as an idle one."""
    try:
        return (zone / 'type').read_text().strip(), int((zone / 'temp').read_text()) / 1e3
    except (OSError, ValueError):
        return None


def _tenth(trial: Trial, engine: Engine, case: Case, seconds: float) -> dict[str, Any]:
    """Infer for a while in fixed memory; an inference that fails is counted."""
    image, times, failures = case.golden.image[None], RollingHistogram(1), []
    until = monotonic() + seconds
    while monotonic() < until:
        begin = perf_counter_ns()
        try:
            engine.infer(image)
        except Exception as exc:  # it is counted, and ends this tenth
            failures.append(str(exc))
            break
        times.record((perf_counter_ns() - begin) / 1e6, 0)
    seen = times.percentiles(0)
    return {
        'runs': seen.samples if seen else 0,
        'p50_ms': seen.p50 if seen else None,
        'p99_ms': seen.p99 if seen else None,
        'failures': failures,
        **trial.rig.memory(),
        'temperatures': temperatures(),
    }


def _summary(case: Case, seconds: float, tenths: list[dict[str, Any]]) -> dict[str, Any]:
    first, last = tenths[0], tenths[-1]
    return {
        'file': case.artifact.file.file,
        'seconds': seconds,
        'runs': sum(each['runs'] for each in tenths),
        'failures': [sentence for each in tenths for sentence in each['failures']],
        'p50_first_ms': first['p50_ms'],
        'p50_last_ms': last['p50_ms'],
        'drift': _apart(first, last, 'p50_ms', lambda a, b: b / a),
        'rss_growth_mb': last['rss_mb'] - first['rss_mb'],
        'gpu_growth_mb': _apart(first, last, 'gpu_used_mb', lambda a, b: b - a),
        'tenths': tenths,
    }


def _apart(first: Any, last: Any, key: str, compare: Any) -> float | None:
    """Compare the first and the last tenth; None if one of them does not know."""
    pair = first[key], last[key]
    return None if None in pair else float(compare(*pair))


def _judge(trial: Trial, case: Case, result: dict[str, Any]) -> None:
    name, growth = f'{case.name}, soak', result['rss_growth_mb']
    failures, changed = result['failures'], [not t.get('is_same') for t in result['tenths']]
    require = trial.findings.require
    require(not failures, f'{name}: {len(failures)} failures, the first: {failures[:1]}')
    require(not any(changed), f'{name}: {sum(changed)} tenths ended with another answer')
    require(growth <= MOST_GROWTH_MB, f'{name}: memory grew by {growth:.1f} MB')
