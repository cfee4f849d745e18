"""Recall against false alarms, one panel per group of transforms, as an SVG that is the same for the same figures."""

import io
import re

from .tables import grouped, recall_rows

# Shares of `neg_same_prompt` flagged that the curves are drawn at: 0.1 % to 20 %, evenly on a logarithmic axis.
POINTS = 31
LOW, HIGH = 0.001, 0.2
COLUMNS = 4
# One colour per tool, ours first; further settings of a tool are dashed and dotted in its colour.
COLOURS = "#c1121f #1d4e89 #2a9d8f #7b2cbf #e09f3e #6c757d #111111".split()
STYLES = ["-", "--", ":"]


def levels():
    return [LOW * (HIGH / LOW) ** (step / (POINTS - 1)) for step in range(POINTS)]


def draw(path, results, curves, cases):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({
        "svg.hashsalt": "herdbook", "svg.fonttype": "none", "font.size": 8, "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "sans-serif"],
    })
    from matplotlib import pyplot

    looks = [(COLOURS[at % len(COLOURS)], STYLES[number % len(STYLES)])
             for at, result in enumerate(results) for number in range(len(result.curves))]
    groups, alarms = grouped(recall_rows(cases)), levels()
    cuts = [[curve.cut(each) for each in alarms] for curve in curves]
    down = -(-(len(groups) + 1) // COLUMNS)
    figure, panels = pyplot.subplots(down, COLUMNS, figsize=(3.1 * COLUMNS, 2.5 * down), layout="constrained")
    panels = panels.ravel()
    for panel, (group, members) in zip(panels, groups):
        for curve, at, (colour, style) in zip(curves, cuts, looks):
            shares = [None if cut is None else 100 * sum(curve.share(rows, cut) for rows in members) / len(members)
                      for cut in at]
            drawn = [(100 * x, y) for x, y in zip(alarms, shares) if y is not None]
            panel.plot([x for x, _ in drawn], [round(y, 2) for _, y in drawn], style, color=colour,
                       linewidth=1.6 if curve is curves[0] else 0.9, label=curve.name)
        panel.set(title=group, xscale="log", xlim=(100 * LOW, 100 * HIGH), ylim=(0, 101))
        panel.set_xticks([0.1, 0.5, 1, 2, 5, 10, 20], ["0.1", "0.5", "1", "2", "5", "10", "20"], minor=False)
        panel.minorticks_off()
        panel.grid(linewidth=0.3)
    for panel in panels[len(groups):]:
        panel.axis("off")
    panels[len(groups)].legend(*panels[0].get_legend_handles_labels(), loc="upper left", frameon=False, fontsize=7)
    figure.supxlabel("other models' answers to the same prompt that are flagged, %")
    figure.supylabel("found, %")
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = io.StringIO()
    # Neither a date nor a version in the file: the same figures give the same bytes.
    figure.savefig(drawn, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    # A tenth of a point is less than a line is wide.
    path.write_text(re.sub(r"(\d+\.\d)\d+", r"\1", drawn.getvalue()), encoding="utf-8")
