"""The door to MuJoCo: renders off screen over EGL, unless MUJOCO_GL asks for something else.

Knows what keeps MuJoCo from loading or rendering; not scenes.
"""

from importlib.metadata import version
import os

from ...errors import RequestError

os.environ.setdefault('MUJOCO_GL', 'egl')
CURE = (
    'install an EGL library (Debian, Ubuntu: apt install libegl1 libgl1-mesa-dri), or ask for '
    'another with MUJOCO_GL=osmesa'
)


def _refusal(exc: Exception) -> RequestError:
    chosen = os.environ['MUJOCO_GL']
    reason = ' '.join(str(exc).split()) or type(exc).__name__
    return RequestError(f"MuJoCo can't render off screen with {chosen!r} ({reason}); {CURE}")


try:
    import mujoco
    from mujoco.gl_context import GLContext
except ModuleNotFoundError:
    raise
except (ImportError, AttributeError, RuntimeError) as exc:
    raise _refusal(exc) from exc

VERSION: str = version('mujoco')


def open_gl(height: int, width: int) -> GLContext:
    """Open an OpenGL context and make it current; RequestError says what to install."""
    try:
        context = GLContext(width, height)
        context.make_current()
        empty = mujoco.MjModel.from_xml_string('<mujoco/>')
        mujoco.MjrContext(empty, mujoco.mjtFontScale.mjFONTSCALE_50.value).free()
    except Exception as exc:  # of PyOpenGL's and MuJoCo's several kinds
        raise _refusal(exc) from exc
    return context


__all__ = ['VERSION', 'mujoco', 'open_gl']
