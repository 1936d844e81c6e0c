"""The claims of trt_checks can fail: each mistake, put into our sources, breaks one of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.register_assert_rewrite(
    'trt_rig', 'trt_run_checks', 'trt_refusal_checks', 'trt_plan_checks'
)

from trt_checks import ALL_CHECKS, ENGINE_CHECKS, PLAN_CHECKS  # noqa: E402
from trt_rig import (  # noqa: E402
    MODULES,
    Check,
    Setting,
    code_with,
    put,
    source_of,
)


class Mistake(NamedTuple):
    """A piece of one of our sources, which is there once, and what is put in its place."""

    name: str
    module: str
    right: str
    wrong: str


CAPTURED = '            error, graph = (*runtime.cudaStreamEndCapture(self.handle), None)[:2]'
UPLOAD = "self._copy(self.address, self._host, 'cudaMemcpyHostToDevice', stream)"
DOWNLOAD = "self._copy(self._host, self.address, 'cudaMemcpyDeviceToHost', stream)"
FREE_HOST = 'self._cuda.release(self._cuda.runtime.cudaFreeHost, self._host)'
RUN = """\
            self._put()
            self._stream.wait()
            answer = self._answered()
"""
ENQUEUE = """\
        self._input.upload(self._stream.handle)
        ran = self._context.execute_async_v3(int(self._stream.handle))
        self._library.must(ran, 'run')
        self._output.download(self._stream.handle)
"""
UP, MIDDLE, DOWN = (
    ENQUEUE.splitlines(keepends=True)[0],
    ''.join(ENQUEUE.splitlines(keepends=True)[1:3]),
    ENQUEUE.splitlines(keepends=True)[3],
)

CUDA = [
    (
        'an error code is passed over',
        'if int(error) != 0:\n            raise',
        'if 0:\n            raise',
    ),
    (
        'a wait does not wait',
        'self._cuda.call(self._cuda.runtime.cudaStreamSynchronize, self.handle)',
        'pass',
    ),
    (
        'memory of the device is too short',
        'cudaMalloc, self.array.nbytes',
        'cudaMalloc, self.array.nbytes - 1',
    ),
    ('memory of the host is too short', 'cudaHostAlloc, size,', 'cudaHostAlloc, size - 1,'),
    (
        'a copy is too short',
        'source, self.array.nbytes, way',
        'source, self.array.nbytes - 1, way',
    ),
    ('a copy is too long', 'source, self.array.nbytes, way', 'source, self.array.nbytes + 1, way'),
    ('an upload goes the wrong way', "'cudaMemcpyHostToDevice'", "'cudaMemcpyDeviceToHost'"),
    ('a download goes the wrong way', "'cudaMemcpyDeviceToHost'", "'cudaMemcpyHostToDevice'"),
    ('nothing is uploaded', UPLOAD, 'pass'),
    ('nothing is downloaded', DOWNLOAD, 'pass'),
    (
        'the ends of an upload are swapped',
        UPLOAD,
        UPLOAD.replace('self.address, self._host', 'self._host, self.address'),
    ),
    (
        'memory of the device is not freed',
        'self._cuda.release(self._cuda.runtime.cudaFree, self.address)',
        'pass',
    ),
    (
        'memory of the device is freed as the host’s',
        'cudaFree, self.address',
        'cudaFreeHost, self.address',
    ),
    (
        'page-locked memory is not freed',
        f'finally:\n            {FREE_HOST}',
        'finally:\n            pass',
    ),
    ('mapped memory is not freed', f'"""Give the memory back."""\n        {FREE_HOST}', 'pass'),
    ('memory is mapped without the flag', 'shape, dtype, MAPPED)', 'shape, dtype, 0)'),
    (
        'mapped memory is used by the host’s address',
        'int(cuda.call(cuda.runtime.cudaHostGetDevicePointer, self._host, 0))',
        'self._host',
    ),
    (
        'page-locked memory stays when the device has none',
        'cuda.release(cuda.runtime.cudaFreeHost, self._host)\n            raise',
        'raise',
    ),
    ('mapped memory stays when it has no address', 'self.free()\n            raise', 'raise'),
    ('memory is mapped on every GPU', 'gpu.is_integrated and gpu.can_map', 'gpu.can_map'),
    (
        'memory is mapped where it can not be',
        'gpu.is_integrated and gpu.can_map',
        'gpu.is_integrated',
    ),
    ('memory is never mapped', 'MappedBuffer if gpu.is_integrated and gpu.can_map else', ''),
    (
        'a stream is not destroyed',
        'self._cuda.release(self._cuda.runtime.cudaStreamDestroy, self.handle)',
        'pass',
    ),
    ('a capture is not ended after a failure', CAPTURED, '            error, graph = 1, None'),
    ('a graph of half a frame is kept', 'if int(error) == 0 and graph is not None:', 'if 0:'),
    (
        'a capture is spoilt by other threads',
        'cudaStreamCaptureModeThreadLocal',
        'cudaStreamCaptureModeGlobal',
    ),
    ('a loss is not noticed', 'self.is_lost = self.is_lost or int(error) != 0', 'pass'),
    ('a loss is never over', 'cudaDeviceReset)\n        self.is_lost = False', 'cudaDeviceReset)'),
    ('a lost device is not reset', 'self.call(self.runtime.cudaDeviceReset)', 'pass'),
    ('a cure is not told', "CURES.get(name, '')", "''"),
    (
        'the driver is not looked at',
        'call(runtime.cudaDriverGetVersion)',
        'call(runtime.cudaRuntimeGetVersion)',
    ),
]
DEVICE = [
    ('engines stay on a device that is reset', 'guest.abandon()', 'pass'),
    (
        'a thread does not say which device it uses',
        'self.cuda.call(self.cuda.runtime.cudaSetDevice, DEVICE)',
        'pass',
    ),
    ('an engine is not noted', 'self._guests.append(guest)', 'pass'),
    (
        'an engine is noted for ever',
        'self._guests = [each for each in self._guests if each is not guest]',
        'pass',
    ),
    ('a thread that hung resets the GPU', 'if not self.is_used_here:', 'if 0:'),
    ('a traceback keeps a plan', '        _forget_frames(error)\n', ''),
    (
        'a device that is gone is no loss',
        'except CudaError:',
        'except ZeroDivisionError:',
    ),
]
LIBRARY = [
    (
        'None is taken for an answer',
        'if answer is None or answer is False:',
        'if answer is False:',
    ),
    (
        'False is taken for an answer',
        'if answer is None or answer is False:',
        'if answer is None:',
    ),
    (
        'a null pointer is a TypeError',
        'except TypeError as exc:',
        'except ZeroDivisionError as exc:',
    ),
    ('the reason is not told', "'; '.join(dict.fromkeys(told)) or ", ''),
]
BUILD = [
    ('a network is not strongly typed', 'create_network(strongly_typed)', 'create_network(0)'),
    ('TF32 stays', 'config.clear_flag(trt.BuilderFlag.TF32)', 'pass'),
    ('a workspace is of bytes', 'workspace_mb * MIB', 'workspace_mb'),
    ('Ctrl-C does not end a build', 'return kept.interruption is None', 'return True'),
    ('Ctrl-C is forgotten', 'kept.interruption = kept.interruption or exc', 'pass'),
    ('progress is not told', 'config.progress_monitor = monitor', 'pass'),
    ('what is parsed is not looked at', '    _check_ends(library, network, source)\n', ''),
    (
        'a file that is not parsed is built',
        'if not parser.parse(source.content):',
        'if parser.parse(source.content) is None:',
    ),
]
CACHE = [
    ('a plan is read though it was changed', '== stored.sha256:', "!= '':"),
    ('a plan is read that others may write', ' or others_write', ''),
    ('a plan is read that is elsewhere', ' | os.O_NOFOLLOW', ''),
    ('parts of killed processes stay', 'part.unlink()', 'pass'),
    ('a plan is read though it is another', ' and stored.key == key', ''),
    ('two build at once', 'while not _is_locked(file):', 'while 0:'),
    ('a plan is not kept', 'replace_file(plan, content)', 'pass'),
    (
        'the name of a plan leaves something out',
        'json.dumps(self._asdict()',
        "json.dumps(self._replace(driver='')._asdict()",
    ),
    ('an old sidecar is believed', "if values['schema'] != SCHEMA:", 'if 0:'),
]
ENGINE = [
    (
        'input and output are swapped',
        'image, probabilities = _checked_names',
        'probabilities, image = _checked_names',
    ),
    ('a refused address is passed over', "self._library.must(bound, f'bind {name!r}')", 'pass'),
    ('a refused run is passed over', "self._library.must(ran, 'run')", 'pass'),
    (
        'a context that is not there is used',
        "library.must(context, 'take memory to run in')",
        'context',
    ),
    ('a graph is captured without a warm-up', 'in range(WARM_UPS)', 'in range(0)'),
    (
        'a warm-up is not waited for',
        '                self._enqueue()\n                self._stream.wait()\n',
        '                self._enqueue()\n',
    ),
    ('an engine forgets the upload', ENQUEUE, MIDDLE + DOWN),
    ('an engine uploads after the run', ENQUEUE, MIDDLE + UP + DOWN),
    ('an engine forgets the run', ENQUEUE, UP + DOWN),
    ('an engine forgets the download', ENQUEUE, UP + MIDDLE),
    ('an engine downloads before the run', ENQUEUE, UP + DOWN + MIDDLE),
    ('a frame is not put in', RUN, RUN.replace('            self._put()\n', '')),
    ('a frame is not waited for', RUN, RUN.replace('            self._stream.wait()\n', '')),
    (
        'a frame is put in after the wait',
        RUN,
        ''.join(RUN.splitlines(keepends=True)[k] for k in (1, 0, 2)),
    ),
    (
        'an answer is read before the wait',
        RUN,
        ''.join(RUN.splitlines(keepends=True)[k] for k in (0, 2, 1)),
    ),
    ('a frame is waited for twice', RUN, RUN + '            self._stream.wait()\n'),
    ('an image is not taken', '            self._image[:] = image\n', ''),
    (
        'a graph is used though it answers otherwise',
        'if not np.array_equal(self._answer, expected):',
        'if 0:',
    ),
    ('a graph is proved by an old answer', '        self._answer[:] = 0\n', ''),
    ('a graph is not used', '        self._put = launch\n', ''),
    ('a graph is not freed', 'held.callback(graph.free)', 'pass'),
    ('a capture that fails is the end', "return f'no: {exc}'", 'raise'),
    (
        'a graph is tried and not waited for',
        '        launch()\n        self._stream.wait()\n',
        '        launch()\n',
    ),
    (
        'a loss is an error like others',
        'raise loss from exc\n            raise\n        finally',
        'pass\n            raise\n        finally',
    ),
    ('a context is not freed', '        del self._context\n', ''),
    ('a plan is not freed', '        self._plan = None\n', ''),
    ('nothing of TensorRT is freed', 'held.callback(self._forget_plan)', 'pass'),
    ('memory of the input is not freed', 'held.callback(self._input.free)', 'pass'),
    ('memory of the output is not freed', 'held.callback(self._output.free)', 'pass'),
    ('a stream is left', 'held.callback(self._stream.free)', 'pass'),
    ('what is queued is not waited for', 'held.callback(self._drain)', 'pass'),
    ('a closed engine runs', 'if self._held is None:', 'if 0:'),
    ('two threads run one engine', 'if self._is_running:', 'if 0:'),
    (
        'an engine that failed runs for ever',
        '            self._is_running = False\n',
        '            pass\n',
    ),
    ('a lost engine is merely closed', 'self._was_lost = True', 'pass'),
    ('the ends are not looked at', '    check_tensors(spec, tensors(True), tensors(False))\n', ''),
    ('an engine is on no device', 'device.enter(self)', 'pass'),
    ('an engine never leaves its device', 'held.callback(device.leave, self)', 'pass'),
    (
        'a thread takes an engine over at each frame',
        'if not self._device.is_used_here:',
        'if 1:',
    ),
    ('a frame takes memory', 'self._image[:] = image', 'self._image[:] = image.copy()'),
]
MACHINE = [
    (
        'plans are the same for all GPUs of a name',
        'multiprocessors=gpu.multiprocessors',
        'multiprocessors=0',
    ),
    (
        'plans are the same for all workspaces',
        'workspace_mb=options.workspace_mb,',
        'workspace_mb=0,',
    ),
    ('plans are the same for all code', 'code=CODE', 'code=1'),
    (
        'precision is not proved',
        '    _check_precision(precision, artifact)\n    return',
        '    return',
    ),
    ('what may not be built is', 'if not options.may_build:', 'if 0:'),
    (
        'a full disk costs the plan',
        'except OSError as exc:  # minutes',
        'except ZeroDivisionError as exc:  # minutes',
    ),
    (
        'an inspector that fails matters',
        'with suppress(Exception):',
        'with suppress(ZeroDivisionError):',
    ),
    (
        'a workspace is not limited',
        'built_plan(self._library, source, options.workspace_mb,',
        'built_plan(self._library, source, 0,',
    ),
    ('a thread that opens does not say where', '        self._device.use()\n', ''),
    ('nothing is locked', 'with self.cache.locked(key, options.on_progress):', 'if True:'),
]
PLANS = ('trt_build', 'plan_cache', 'tensorrt')
"""Modules that are better looked at by the checks of plans first."""
MISTAKES = [
    Mistake(name, module, right, wrong)
    for module, rows in {
        'cuda': CUDA,
        'device': DEVICE,
        'trt_library': LIBRARY,
        'trt_build': BUILD,
        'plan_cache': CACHE,
        'trt': ENGINE,
        'tensorrt': MACHINE,
    }.items()
    for name, right, wrong in rows
]


def settings(code: Mapping[str, ModuleType], folder: Path) -> list[Setting]:
    """Return two that have all there is between them."""
    return [Setting(code, folder, False, 'uint8'), Setting(code, folder, True, 'float32')]


def first_broken(
    code: Mapping[str, ModuleType], folder: Path, checks: Iterable[Check] = ALL_CHECKS
) -> str:
    """Return the first claim that does not hold and how it failed; empty if all do."""
    pairs = (
        (check, setting)
        for check in checks
        for setting in settings(code, folder)[: 1 if check in PLAN_CHECKS else 2]
    )
    return next(filter(None, (failure(*pair) for pair in pairs)), '')


def failure(check: Check, setting: Setting) -> str:
    """Return how a claim failed; empty if it holds."""
    try:
        put(check, setting.fresh())
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # whatever a mistake leads to
        return f'{check.__name__}: {exc!r}'
    return ''


def test_all_holds_of_what_is_not_patched(tmp_path: Path) -> None:
    assert first_broken(code_with({}), tmp_path) == ''


@pytest.mark.parametrize('mistake', MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_caught(mistake: Mistake, tmp_path: Path) -> None:
    source = source_of(mistake.module)
    assert source.count(mistake.right) == 1, 'the source has changed: bring the patch up to date'
    patched = source.replace(mistake.right, mistake.wrong)
    checks = PLAN_CHECKS + ENGINE_CHECKS if mistake.module in PLANS else ALL_CHECKS
    assert first_broken(code_with({mistake.module: patched}), tmp_path, checks)


def test_mistakes_are_told_apart_and_are_in_every_module() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)
    assert {mistake.module for mistake in MISTAKES} == set(MODULES)
