"""The README: its tables are the code's, and its consumer works as printed."""

import os
from pathlib import Path
import re
import subprocess
import sys
from time import sleep

import numpy as np

from rig import Rig, fake_opener, image_message, wait_until

README = Path(__file__).parents[2] / 'README.md'


def test_the_tables_are_the_codes() -> None:
    sys.path.insert(0, str(README.parent))
    try:
        from docs.marked import with_tables
        from docs.tables import WRITER, tables
    finally:
        sys.path.pop(0)
    text = README.read_text()
    assert with_tables(text, tables(), WRITER) == text, 'run make docs'
    assert '| `unknown_threshold` | double | `0.0` | 0.0 to 1.0 | at once |' in text
    assert '| out: `segmentation/mask` | sensor_msgs/Image | reliable, depth 1 |' in text


def test_the_consumer_works_as_printed() -> None:
    (snippet,) = re.findall(r'```python\n(.*?)```', README.read_text(), re.DOTALL)
    assert 'age_ms > 200' in snippet
    highway = np.full((54, 96, 3), 90, np.uint8)
    with Rig(fake_opener(), publish_late=True).start() as rig:
        consumer = subprocess.Popen(
            [sys.executable, '-u', '-c', snippet],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        try:
            assert consumer.stdout is not None
            assert wait_until(lambda: rig.node.count_subscribers('segmentation/mask') > 1)
            sleep(0.3)
            seen = []
            for age_s in (-5, 5):  # a slow machine must not make a fresh image old
                stamp = rig.node.get_clock().now().nanoseconds // 10**9 - age_s, 0
                rig.images.publish(image_message(highway, stamp))
                seen.append(consumer.stdout.readline()[:11])
        finally:
            consumer.kill()
            consumer.wait()
    assert seen == ['road covers', 'too old to ']
