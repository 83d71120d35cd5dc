"""`python -m tests.benchmarks`: every speed figure of the project, as a table and in benchmarks.json."""

import json
import platform
import warnings
from pathlib import Path

import torch

from tests.benchmarks import ctranslate2_speed, decoding_speed, latency, time_to_quality, training_speed

OUT = Path("benchmarks.json")


def main() -> None:
    """Measure one thing after the other; each takes a minute or two."""
    warnings.filterwarnings("ignore", category=UserWarning)
    figures: dict[str, object] = {}
    for part in (training_speed, time_to_quality, decoding_speed, ctranslate2_speed, latency):
        print(f"measuring {part.__name__.rpartition('.')[2]} ...", flush=True)
        try:
            figures |= part.measure()
        except RuntimeError as error:  # no CTranslate2 or no Chromium: everything else is still worth having
            print(f"    left out: {error}")
    figures |= {"torch": torch.__version__, "python": platform.python_version()}
    OUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8", newline="\n")
    width = max(map(len, figures))
    print("\n".join(f"{name:<{width}}  {value}" for name, value in figures.items()))
    print(f"written to {OUT}")


if __name__ == "__main__":
    main()
