"""What each transport carries: best-effort images of four sizes from process to process.

`default` is Fast DDS as it comes; the others are the shipped profiles.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from unet_perception.cli.doctor_transport import carry_images
from unet_perception.cli.processes import loopback_environment
from unet_perception.core.transport import NEW_VARIABLE, OLD_VARIABLE

SIZES = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))
COUNT, HZ = 30, 15.0
PROFILES = (NEW_VARIABLE, OLD_VARIABLE)
CONFIG = Path(__file__).parents[1] / 'config'


def measure() -> list[dict[str, Any]]:
    """Return a row for each transport and size."""
    return [
        _measured(transport, *size)
        for transport in ('default', 'local', 'large_images')
        for size in SIZES
    ]


def _measured(transport: str, width: int, height: int) -> dict[str, Any]:
    with TemporaryDirectory(prefix='unet_perception_bench_') as folder:
        local = loopback_environment(Path(folder))
        environment = {k: v for k, v in local.items() if k not in PROFILES}
        if transport != 'default':
            variable = next(name for name in PROFILES if name in local)
            environment[variable] = str(CONFIG / f'fastdds_{transport}.xml')
        carried = carry_images(environment, width, height, COUNT, HZ)
    row = {'transport': transport, 'width': width, 'height': height}
    return {**row, 'megabytes': width * height * 3 / 1e6, **carried._asdict()}
