"""`make bench`: run every measurement, write JSON to out/bench/, print a table."""

import json
from pathlib import Path

from . import pipeline

OUT = Path('out') / 'bench'


def main() -> None:
    """Measure and report."""
    OUT.mkdir(parents=True, exist_ok=True)
    print('pipeline over engine alone, in turns in one run (about a minute)', flush=True)
    rows = pipeline.measure()
    (OUT / 'pipeline.json').write_text(json.dumps(rows, indent=2) + '\n')
    print(f'{"backend":12} {"camera":>9} {"pipeline p50":>13} {"engine p50":>11} {"ratio":>6}')
    for row in rows:
        camera = f'{row["width"]}x{row["height"]}'
        print(
            f'{row["backend"]:12} {camera:>9} {row["pipeline_p50_ms"]:10.2f} ms '
            f'{row["engine_p50_ms"]:8.2f} ms {row["ratio_p50"]:6.2f}'
        )
    print(f'{OUT}/pipeline.json')


if __name__ == '__main__':
    main()
