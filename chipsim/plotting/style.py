"""How all figures look: column widths, 8 pt type, colours that colour-blind readers can tell apart, units with SI prefixes.

Figures are made without pyplot and inside `matplotlib.rc_context`, so a user's own settings and backend stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from numpy.typing import ArrayLike, NDArray

Parameters = ParamSpec("Parameters")
Floats = NDArray[np.float64]

SINGLE_COLUMN = 3.5
"""Width of one column of a two-column journal, inches."""
DOUBLE_COLUMN = 7.16
"""Width of both columns, inches."""

# Okabe and Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8C8C8C"
LIGHT_GREY = "#C8C8C8"
SHADE = "#EAEAEA"
"""Background of the spans in which training stands still."""
NIGHT = "#D6E4F0"
"""Likewise, while the power is off."""
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, YELLOW)
SEQUENTIAL = "cividis"
"""Colour map of densities and conductances; it looks alike to readers with and without colour blindness."""
DIVERGING = "PuOr_r"
"""Colour map of signed quantities."""

STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=CYCLE),
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "#E0E0E0",
    "lines.linewidth": 1.0,
    "lines.markersize": 3,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.borderaxespad": 0.3,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.07,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "image.cmap": SEQUENTIAL,
    "pdf.fonttype": 42,  # text stays text in a PDF
}

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"))

_CLOCK = ((31557600.0, "years"), (86400.0, "days"), (3600.0, "h"), (60.0, "min"))


def in_style() -> AbstractContextManager[None]:
    """Return a block in which chipsim's style holds; matplotlib's global settings are as before when it ends."""
    return mpl.rc_context(STYLE)


def styled(function: Callable[Parameters, Figure]) -> Callable[Parameters, Figure]:
    """Run a drawing function in chipsim's style and leave the global settings untouched."""

    @wraps(function)
    def inside(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Figure:
        with in_style():
            return function(*args, **kwargs)

    return inside


def panels(rows: int, columns: int, width: float, height: float, **options: Any) -> tuple[Figure, NDArray[Any]]:
    """Return an empty figure (inches) with a (rows, columns) array of axes; `options` go to `Figure.subplots`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def mosaic(layout: list[list[str]], width: float, height: float, **options: Any) -> tuple[Figure, dict[str, Axes]]:
    """Return an empty figure (inches) with named axes; one that stands in several places of the layout spans them."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes: dict[str, Axes] = figure.subplot_mosaic(layout, **options)  # type: ignore[arg-type]  # the stub's list takes no str
    return figure, axes


def letter(axes: NDArray[Any] | Sequence[Axes], titles: list[str]) -> None:
    """Give the axes their titles with (a), (b), ... in front; a single one needs no letter."""
    every = list(np.ravel(np.asarray(axes, dtype=object)))
    for index, (ax, title) in enumerate(zip(every, titles, strict=True)):
        ax.set_title(f"({chr(ord('a') + index)}) {title}" if len(every) > 1 else title, loc="left")


def prefix(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the unit that bring `largest` (in `unit`) between 1 and 1000: `prefix(0.02, "s")` is `(1000, "ms")`."""
    size = abs(float(largest))
    if not np.isfinite(size) or size == 0:
        return 1.0, unit
    scale, name = next(((scale, name) for scale, name in _PREFIXES if size >= scale * (1 - 1e-12)), _PREFIXES[-1])
    return 1.0 / scale, f"{name}{unit}"


def amount(value: float, unit: str) -> str:
    """Return a value for a legend: `amount(0.01234, "J")` is `12.3 mJ`."""
    rounded = float(f"{value:.3g}")  # first, so that 999.9 µJ becomes 1.00 mJ
    factor, name = prefix(rounded, unit)
    number = rounded * factor
    digits = max(0, 2 - int(np.floor(np.log10(abs(number))))) if number else 0
    return f"{number:.{digits}f} {name}"


def plain(value: float) -> str:
    """Return a value with three digits, without exponent where that is legible: `plain(14.05)` is `14.1`, `plain(1.72e-8)` is `1.7e-08`."""
    rounded = float(f"{value:.3g}")
    if rounded and not 1e-5 <= abs(rounded) < 1e5:
        return f"{value:.1e}"
    digits = max(0, 2 - int(np.floor(np.log10(abs(rounded))))) if rounded else 0
    return f"{rounded:.{digits}f}"


def duration(seconds: float) -> str:
    """Return a time for a label, in SI units below a minute and as people say it above: `duration(28800)` is `8 h`."""
    rounded = float(f"{seconds:.3g}")
    size, unit = next(((size, unit) for size, unit in _CLOCK if seconds >= size), (1.0, ""))
    factor, name = (1.0 / size, unit) if unit else prefix(rounded, "s")
    return f"{(seconds if unit else rounded) * factor:.3g} {name}"


def percent(share: float, digits: int) -> str:
    """Return a share for a legend, with the space that SI asks for: `percent(0.976, 1)` is `97.6 %`."""
    return f"{100.0 * float(share):.{digits}f} %"


def about(share: float) -> str:
    """Return a share with one digit, so that neither something becomes nothing nor nearly all becomes all."""
    if 0 < share < 5e-4:
        return "< 0.1 %"
    return percent(share, 1) if share < 0.9995 or share >= 1 else "> 99.9 %"


def image_scale(images: ArrayLike) -> tuple[float, str]:
    """Return factor and axis label for a number of training images."""
    largest = float(np.max(np.asarray(images, dtype=np.float64), initial=0.0))
    return (1e-3, "Training images (thousands)") if largest >= 10_000 else (1.0, "Training images")


def inside_limits(ax: Axes, x: ArrayLike) -> None:
    """Let the horizontal axis begin and end with the data (not where all of it is one point)."""
    values = np.asarray(x, dtype=np.float64)
    if values.size and values.min() < values.max():
        ax.set_xlim(float(values.min()), float(values.max()))
