"""From a matplotlib figure to an SVG element that may stand inside a page.

The page forbids inline styles, so styles become presentation attributes; those also give way to the page's
own style sheet, which sets the colour and font of text. Identifiers get the name of the figure in front,
because several figures share one page.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpsearch.report.figures.colours import GREY, INK

WIDTH = 6.8
LONGEST_LABEL = 38
LABEL_END = 12
"""Letters of the end that a shortened label keeps: often only there two of them differ."""

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hpsearch",
    "text.parse_math": False,
    "font.size": 10,
    "axes.labelpad": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": False,
    "savefig.transparent": True,
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_LONG_NUMBER = re.compile(r"(\d+\.\d\d)\d+")
_FONT_SIZE = re.compile(r"([\d.]+)px")


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with our own settings, whatever the user's are, and leave those as they were.

    Measuring a letter that the measuring font lacks gives a warning; the browser has its own fonts.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def new_figure(height: float) -> tuple[Figure, Axes]:
    """Make an empty figure of the report's width; `height` in inches."""
    figure, ((axes,),) = new_panels(height, 1, 1)
    return figure, axes


def new_panels(
    height: float, rows: int, columns: int, *, sharex: bool = True
) -> tuple[Figure, list[list[Axes]]]:
    """Make a figure of the report's width with panels that share their axes; `height` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=sharex, sharey=True, squeeze=False)
    for axes in panels.flat:
        axes.grid(visible=True, axis="both", color=GREY, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, panels.tolist()


def name_panels(panels: Sequence[Axes], filled: int, columns: int, across: str, up: str) -> None:
    """Name the axes at the left and below the last panel of each column; empty panels are not shown."""
    for axes in panels[filled:]:
        axes.set_visible(False)
    for axes in panels[max(filled - columns, 0) : filled]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(across)
    for axes in panels[::columns]:
        axes.set_ylabel(up)


def clip_label(label: str, longest: int = LONGEST_LABEL) -> str:
    """Shorten a label to the room of a figure, without letters that XML cannot hold; it keeps both ends."""
    clean = "".join("\N{REPLACEMENT CHARACTER}" if _is_control(letter) else letter for letter in label)
    if len(clean) <= longest:
        return clean
    return clean[: longest - LABEL_END - 1] + "\N{HORIZONTAL ELLIPSIS}" + clean[-LABEL_END:]


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs", "Cn"}


def to_svg(
    figure: Figure, name: str, label: str, trials: Mapping[str, Sequence[int]] | None = None
) -> Markup:
    """Print a figure as an SVG element with a text alternative.

    Args:
        figure: The figure.
        name: Its id, unique in the page.
        label: The text alternative.
        trials: For the `gid` of a line, the number of the trial that it, or each of its marks, stands for.
    """
    buffer = StringIO()
    figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    # The text is what matplotlib wrote a line above, with nothing in it that a parser could be led astray by.
    root = ElementTree.fromstring(buffer.getvalue())  # noqa: S314
    _strip(root)
    _name_trials(root, trials or {})
    for element in root.iter():
        _rewrite(element, name)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": label}
    # ElementTree escapes text and attributes, so the result is safe to embed.
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704


def alone(figure: Markup) -> bytes:
    """Make a file of a figure, to be looked at outside of the page: black on white paper, UTF-8."""
    root = ElementTree.fromstring(figure)  # noqa: S314 - printed by `to_svg`
    width, height = root.attrib["viewBox"].split()[2:]
    paper = ElementTree.Element("rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    root.insert(0, paper)
    look = {"color": INK, "font-family": "sans-serif", "width": width, "height": height}
    root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", **look}
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _strip(element: ElementTree.Element) -> None:
    """Drop metadata and the style sheet, whose rules would reach the whole page."""
    for child in list(element):
        if _local(child.tag) in {"metadata", "style"}:
            element.remove(child)
        else:
            _strip(child)


def _name_trials(root: ElementTree.Element, trials: Mapping[str, Sequence[int]]) -> None:
    """Write the numbers of trials to what is drawn for them, where a script can find them."""
    for group in root.iter():
        numbers = trials.get(group.get("id", ""), ())
        marks = [part for part in group.iter() if _local(part.tag) == "use"] if numbers else []
        for part, number in zip(marks if len(marks) == len(numbers) else [group], numbers, strict=True):
            part.set("data-trial", str(number))


def _rewrite(element: ElementTree.Element, name: str) -> None:
    element.tag = _local(element.tag)
    attributes: dict[str, str] = {}
    for key, value in element.attrib.items():
        if key == "style":
            attributes |= _presentation(value)
        else:
            attributes[_local(key)] = value
    element.attrib = {key: _attribute(key, value, name) for key, value in attributes.items()}
    if element.tag == "g":
        element.attrib.pop("id", None)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _presentation(style: str) -> dict[str, str]:
    pairs = (rule.partition(":") for rule in style.split(";") if rule.strip())
    attributes = {key.strip(): value.strip() for key, _, value in pairs}
    font = attributes.pop("font", "")
    size = _FONT_SIZE.search(font)
    return attributes | ({"font-size": size[1]} if size else {})


def _attribute(key: str, value: str, name: str) -> str:
    if key in {"fill", "stroke"} and value == INK:
        return "currentColor"
    if key == "id":
        return f"{name}-{value}"
    if key in {"d", "x", "y", "transform"}:
        return _LONG_NUMBER.sub(r"\1", value)
    return value.replace("url(#", f"url(#{name}-") if key != "href" else value.replace("#", f"#{name}-", 1)
