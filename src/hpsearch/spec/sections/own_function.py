"""A function of one's own, in the Python file of the model, by its name."""

from __future__ import annotations

from keyword import iskeyword
from typing import Annotated

from pydantic import AfterValidator

from hpsearch.spec.study_file.distributions import problem
from hpsearch.spec.study_file.parts import Component


def _identifier(name: str) -> str:
    if not name.isidentifier() or iskeyword(name):
        raise problem("the name of a function", found=repr(name))
    return name


Identifier = Annotated[str, AfterValidator(_identifier)]


class OwnFunction(Component):
    """A function of the file that `model.python.file` names; it is given the targets and the predictions."""

    name = "python"
    scalar = "function"
    function: Identifier
