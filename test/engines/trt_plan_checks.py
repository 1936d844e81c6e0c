"""What must hold of plans and of their cache, as functions that raise if it does not.

Knows our modules by their names alone, so that a patched copy of them can be put to the same test.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import errno
from functools import partial
import json
from pathlib import Path
import platform
import re
import threading
from typing import Any, NamedTuple

import pytest
from small_model import artifact_of, small_model
from trt_rig import (
    TIMEOUT_S,
    Check,
    Rig,
    Setting,
    in_a_thread,
    refusal,
)

from bench.fake_gpu import FakeTensorRT
from bench.fake_gpu.trt_run import Engine as FakePlan
from unet_perception.errors import ModelError


def a_plan_is_built_once(setting: Setting) -> None:
    setting = setting.fresh()
    rig = setting.rig()
    with rig.open() as engine:
        assert engine.facts['plan'].startswith('built in 0 s: small-')
    for again in (rig, setting.rig()):
        with again.open() as engine:
            assert engine.facts['plan'].startswith('found: small-')
            assert again.is_right(engine, 1)


class Other(NamedTuple):
    """What is different: of the model, the GPU, the options, or in the code and Python."""

    content: bytes = b''
    file: str = 'small.onnx'
    rig: Mapping[str, Any] = {}
    options: Mapping[str, Any] = {}
    patch: Callable[[Setting, pytest.MonkeyPatch], None] = lambda setting, patch: None


OTHERS: dict[str, Callable[[], Other]] = {
    'file': lambda: Other(file='other.onnx'),
    'onnx_sha256': lambda: Other(content=small_model(seed=1)),
    'tensorrt': lambda: Other(rig={'version': '10.13.3'}),
    'gpu': lambda: Other(rig={'name': 'Thor'}),
    'capability': lambda: Other(rig={'capability': (8, 9)}),
    'multiprocessors': lambda: Other(rig={'multiprocessors': 8}),
    'cuda': lambda: Other(rig={'runtime': 12080}),
    'driver': lambda: Other(rig={'driver': 12080}),
    'machine': lambda: Other(
        patch=lambda _, patch: patch.setattr(platform, 'machine', lambda: 'riscv64')
    ),
    'workspace_mb': lambda: Other(options={'workspace_mb': 64}),
    'code': lambda: Other(
        patch=lambda setting, patch: patch.setattr(setting.code['tensorrt'], 'CODE', 1000)
    ),
}
"""Something different by the field of PlanKey that tells it."""


def whatever_is_different_makes_another_plan(setting: Setting) -> None:
    setting = setting.fresh()._replace(io='uint8')
    assert set(OTHERS) == set(setting.code['plan_cache'].PlanKey._fields)
    setting.rig().open().close()
    for field, make in OTHERS.items():
        other = make()
        with pytest.MonkeyPatch.context() as patch:
            other.patch(setting, patch)
            for what in ('built', 'found'):
                rig = setting.rig(content=other.content, **other.rig)
                rig.artifact = artifact_of(rig.content, file=other.file)
                with rig.open(**other.options) as engine:
                    assert engine.facts['plan'].startswith(what), field
    assert len(setting.rig().cache.plans()) == 1 + len(OTHERS)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    'empty': lambda content: b'',
    'truncated': lambda content: content[: len(content) // 2],
    'one byte short': lambda content: content[:-1],
    'flipped': lambda content: content[:50] + bytes([content[50] ^ 1]) + content[51:],
    'something else': lambda content: b'[1, 2]',
    'of another schema': lambda content: content.replace(b'"schema": 1', b'"schema": 2'),
    'of another plan': lambda content: content.replace(b'small.onnx', b'other.onnx'),
    'without end': lambda content: re.sub(rb'"bytes": \d+', b'"bytes": Infinity', content),
    'of another precision': lambda content: content.replace(b'fp32', b'fp33'),
}


def what_is_damaged_is_built_anew(setting: Setting) -> None:
    setting = setting.fresh()
    setting.rig().open().close()
    for suffix in ('.plan', '.json'):
        for damage, damaged in DAMAGES.items():
            file = _plan_file(setting, suffix)
            whole = file.read_bytes()
            file.write_bytes(damaged(whole))
            if file.read_bytes() == whole:
                continue
            for what in ('built', 'found'):
                rig = setting.rig()
                with rig.open() as engine:
                    assert engine.facts['plan'].startswith(what), (suffix, damage)
                    assert rig.is_right(engine, 1)
                rig.assert_settled()


def _plan_file(setting: Setting, suffix: str) -> Path:
    files = setting.folder.glob(f'small-*{suffix}')
    (file,) = (file for file in files if '.layers' not in file.name)
    return file


def a_plan_that_was_exchanged_never_reaches_tensorrt(setting: Setting) -> None:
    setting, other = setting.fresh(), setting.fresh()
    setting.rig().open().close()
    other.rig(content=small_model(setting.io, seed=1)).open().close()
    _plan_file(setting, '.plan').write_bytes(_plan_file(other, '.plan').read_bytes())
    rig = setting.rig()
    with rig.open() as engine:
        assert rig.is_right(engine, 1)
        assert engine.facts['plan'].startswith('built')


def what_is_missing_is_built_anew(setting: Setting) -> None:
    setting = setting.fresh()
    setting.rig().open().close()
    for suffix in ('.plan', '.json'):
        _plan_file(setting, suffix).unlink()
        for what in ('built', 'found'):
            with setting.rig().open() as engine:
                assert engine.facts['plan'].startswith(what)


def a_plan_that_tensorrt_refuses_is_built_anew_once(setting: Setting) -> None:
    setting = setting.fresh()
    setting.rig().open().close()
    rig = setting.rig()
    rig.trt.fail('deserialize', 'Magic tag does not match')
    with rig.open() as engine:
        assert engine.facts['plan'].startswith('built')
    rig.trt.fail('deserialize', 'Magic tag does not match', times=2)
    assert 'Magic tag does not match' in refusal(rig.open)
    assert rig.cache.plans() == []
    with rig.open() as engine:
        assert engine.facts['plan'].startswith('built')
    rig.assert_settled()


def a_plan_that_finds_no_memory_is_kept(setting: Setting) -> None:
    setting = setting.fresh()
    setting.rig().open().close()
    for may_build in (False, True):
        rig = setting.rig()
        rig.trt.fail('deserialize', 'OutOfMemory (requested size was 1)', times=2)
        assert 'free memory' in refusal(partial(rig.open, may_build=may_build))
        with setting.rig().open() as engine:
            assert engine.facts['plan'].startswith('found')


def nothing_is_built_unless_it_may_be(setting: Setting) -> None:
    setting = setting.fresh()
    rig = setting.rig()
    told = refusal(partial(rig.open, may_build=False))
    assert 'unet_perception build-engine' in told
    assert 'small.onnx' in told
    assert rig.cache.plans() == []
    rig.open().close()
    rig.open(may_build=False).close()
    rig.assert_settled()


def precision_is_proved_before_a_build_and_by_the_sidecar(setting: Setting) -> None:
    setting = setting.fresh()
    rig, label = setting.rig(), setting.rig()
    label.artifact = rig.artifact._replace(precision='fp16')
    words = 'its tensors are fp32, the manifest says fp16; export the model again'
    assert words in refusal(label.open, ModelError)
    assert label.cache.plans() == []
    rig.open().close()
    assert words in refusal(label.open, ModelError)
    with rig.open() as engine:
        assert engine.facts['plan'].startswith('found')
    label.assert_settled()


def a_full_disk_costs_the_plan_alone(setting: Setting) -> None:
    real = setting.code['plan_cache'].replace_file
    for first_full in ('.plan', '.json'):
        rig = setting.fresh().rig()

        def full(file: Path, content: bytes) -> None:
            if file.suffix in ('.json', first_full):  # noqa: B023
                raise OSError(errno.ENOSPC, 'No space left on device')
            real(file, content)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(setting.code['plan_cache'], 'replace_file', full)
            with rig.open() as engine:
                told = 'built in 0 s, but not kept: No space left on device'
                assert engine.facts['plan'] == told
                assert rig.is_right(engine, 1)
        assert {file.suffix for file in rig.cache.folder.iterdir()} == {'.lock'}
        with rig.open() as engine:
            assert engine.facts['plan'].startswith('built in 0 s: ')


def a_second_process_waits_and_finds_the_plan(setting: Setting) -> None:
    setting = setting.fresh()
    builds, waits = threading.Event(), threading.Event()

    def building(what: str, done: int, total: int) -> None:
        builds.set()
        assert waits.wait(TIMEOUT_S)

    def waiting(what: str, done: int, total: int) -> None:
        if 'waiting for another process' in what:
            waits.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setting.code['plan_cache'], 'LOOK_S', 0.01)
        first = in_a_thread(partial(_origin, setting.rig(), building))
        assert builds.wait(TIMEOUT_S)
        second = in_a_thread(partial(_origin, setting.rig(), waiting))
        try:
            assert waits.wait(2.0), 'it does not wait'
        finally:
            waits.set()
        assert first().startswith('built')
        assert second().startswith('found')


def _origin(rig: Rig, on_progress: Callable[[str, int, int], None]) -> str:
    with rig.open(on_progress=on_progress) as engine:
        return str(engine.facts['plan'])


def a_build_tells_how_far_it_is(setting: Setting) -> None:
    setting = setting.fresh()
    told: list[tuple[str, int, int]] = []
    setting.rig().open(on_progress=lambda *all_of_it: told.append(all_of_it)).close()
    steps = setting.code['trt_build'].STEPS
    assert {(what, total) for what, _, total in told} == {('building small.onnx', steps)}
    done = [done for _, done, _ in told]
    assert done == sorted(done)
    assert 0 < done[0] < steps / 2
    assert done[-1] == steps
    assert len(set(done)) >= 5


def ctrl_c_ends_a_build_and_leaves_nothing(setting: Setting) -> None:
    for interruption in (KeyboardInterrupt, ZeroDivisionError):
        rig = setting.fresh().rig()
        told: list[int] = []

        def interrupt(what: str, done: int, total: int) -> None:
            told.append(done)  # noqa: B023
            raise interruption  # noqa: B023

        with pytest.raises(interruption):
            rig.open(on_progress=interrupt)
        assert len(told) == 1
        assert rig.cache.plans() == []
        with rig.open() as engine:
            assert engine.facts['plan'].startswith('built')
        rig.assert_settled()


def a_plan_is_built_with_what_the_options_say(setting: Setting) -> None:
    rig = setting.fresh().rig()
    with _configurations(rig) as kept:
        rig.open(workspace_mb=64).close()
        rig.open().close()
    (limited, free) = kept
    assert list(limited.memory_pool_limits.values()) == [64 << 20]
    assert free.memory_pool_limits == {}
    assert FakeTensorRT.BuilderFlag.TF32 not in free.flags
    assert free.profiling_verbosity is FakeTensorRT.ProfilingVerbosity.DETAILED


@contextmanager
def _configurations(rig: Rig) -> Iterator[list[Any]]:
    """Keep every configuration that a builder makes."""
    kept: list[Any] = []
    real = rig.trt.Builder

    def Builder(logger: Any) -> Any:  # noqa: N802
        builder = real(logger)
        make = builder.create_builder_config
        builder.create_builder_config = lambda: kept.append(make()) or kept[-1]
        return builder

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rig.trt, 'Builder', Builder)
        yield kept


def layers_are_kept_for_people(setting: Setting) -> None:
    setting = setting.fresh()
    setting.rig().open().close()
    (file,) = setting.folder.glob('small-*.layers.json')
    assert json.loads(file.read_text())['Layers']


def an_inspector_that_fails_does_not_matter(setting: Setting) -> None:
    setting = setting.fresh()

    def fail(plan: Any) -> None:
        raise RuntimeError('no inspector')

    rig = setting.rig()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakePlan, 'create_engine_inspector', fail)
        with rig.open() as engine:
            assert rig.is_right(engine, 1)
    assert list(setting.folder.glob('*.layers.json')) == []
    rig.assert_settled()


def a_folder_that_is_gone_costs_the_plan_alone(setting: Setting) -> None:
    setting = setting.fresh()
    rig = setting.rig()
    setting.folder.rmdir()
    engine = rig.open()
    assert 'not kept: No such file' in engine.facts['plan']
    assert rig.is_right(engine, 1)
    engine.close()
    assert 'build-engine' in refusal(partial(rig.open, may_build=False))


def a_plan_that_others_could_have_written_is_not_loaded(setting: Setting) -> None:
    setting = setting.fresh()
    rig = setting.rig()
    rig.open().close()
    for suffix in ('plan', 'json'):
        (file,) = [f for f in setting.folder.glob(f'*.{suffix}') if '.layers' not in f.name]
        file.chmod(0o666)
        engine = rig.open()
        assert engine.facts['plan'].startswith('built')
        engine.close()
        file.rename(file.with_name('elsewhere'))
        file.symlink_to(file.with_name('elsewhere'))
        engine = rig.open()
        assert engine.facts['plan'].startswith('built')
        engine.close()
        file.with_name('elsewhere').unlink()


def a_plan_is_found_where_no_lock_can_be(setting: Setting) -> None:
    setting = setting.fresh()
    rig = setting.rig()
    rig.open().close()
    (lock,) = setting.folder.glob('*.lock')
    lock.unlink()
    lock.mkdir()  # whoever runs this, a folder can't be opened as a file
    engine = rig.open(may_build=False)
    assert engine.facts['plan'].startswith('found')
    engine.close()


def parts_of_a_process_that_was_killed_are_removed(setting: Setting) -> None:
    setting = setting.fresh()
    rig = setting.rig()
    rig.open().close()
    (plan,) = setting.folder.glob('*.plan')
    part = plan.with_name(f'.{plan.name}.abc123')
    part.write_bytes(b'half a plan')
    rig.open().close()
    assert not part.exists()


PLAN_CHECKS: tuple[Check, ...] = (
    a_plan_is_built_once,
    whatever_is_different_makes_another_plan,
    what_is_damaged_is_built_anew,
    a_plan_that_was_exchanged_never_reaches_tensorrt,
    what_is_missing_is_built_anew,
    a_plan_that_tensorrt_refuses_is_built_anew_once,
    a_plan_that_finds_no_memory_is_kept,
    nothing_is_built_unless_it_may_be,
    precision_is_proved_before_a_build_and_by_the_sidecar,
    a_full_disk_costs_the_plan_alone,
    a_second_process_waits_and_finds_the_plan,
    a_build_tells_how_far_it_is,
    ctrl_c_ends_a_build_and_leaves_nothing,
    a_plan_is_built_with_what_the_options_say,
    layers_are_kept_for_people,
    an_inspector_that_fails_does_not_matter,
    a_folder_that_is_gone_costs_the_plan_alone,
    a_plan_that_others_could_have_written_is_not_loaded,
    a_plan_is_found_where_no_lock_can_be,
    parts_of_a_process_that_was_killed_are_removed,
)
