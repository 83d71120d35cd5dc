#!/usr/bin/env bash
# matplotlib 3.11.2: with text.parse_math switched off, the numbers of every logarithmic axis are printed as markup.
#
# Whoever draws words of a vocabulary, file names or code switches text.parse_math off, so that a dollar sign is a dollar
# sign (the rcParam is there for that). One would expect it to concern the words that are handed over. But the formatters
# of log axes write their powers as formulas, $\mathdefault{10^{2}}$, and the tick labels are ordinary texts, which take
# the same setting (ticker.py, LogFormatterMathtext; text.py, Text.__init__): the axis shows the formula's source. The
# same holds for the offset of a linear axis with axes.formatter.use_mathtext. Labels drawn with parse_math=True, one by
# one, come out right.
#
# Prints the labels and their widths, and fails if they no longer show markup.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check matplotlib==3.11.2 numpy==2.3.5 \
  2>"$work/pip.txt" || { cat "$work/pip.txt"; exit 1; }

cat >"$work/axes.py" <<'PY'
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt


def label(parse_math):
    """The text of the tick at 100, whether it is read as a formula, and how wide it is, in pixels."""
    with matplotlib.rc_context({"text.parse_math": parse_math}):
        fig, ax = plt.subplots()
        ax.semilogy([1, 10, 100, 1000])
        fig.canvas.draw()
        (tick,) = [tick for tick in ax.get_yticklabels() if "{2}" in tick.get_text()]
        found = tick.get_text(), tick.get_parse_math(), tick.get_window_extent().width
        plt.close(fig)
    return found


(text, read, wide), (same, parsed, narrow) = label(False), label(True)
print(f"parse_math off: {text} is read as a formula: {read}; {wide:.0f} pixels wide")
print(f"parse_math on:  {same} is read as a formula: {parsed}; {narrow:.0f} pixels wide")
assert text == same == r"$\mathdefault{10^{2}}$" and not read and parsed and wide > 4 * narrow, "this has changed"
PY
"$work/venv/bin/python" "$work/axes.py"
