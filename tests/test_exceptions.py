"""What was raised is told whole: its type, what it says, and what it came from."""

from __future__ import annotations

import pytest

from hpsearch.exceptions import LONGEST, shortened, spoken


class OwnError(Exception):
    """An exception that cannot be made from a text alone."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.text = text

    def __str__(self) -> str:
        return self.text


def raised(failure: BaseException, *around: BaseException) -> BaseException:
    """Raise an exception while another is handled, and so on outwards, as Keras does."""
    for outer in around:
        try:
            raise failure
        except type(failure):
            try:
                raise outer
            except type(outer) as again:
                failure = again
    return failure


BUILD = "Unable to automatically build the model. " + "Please build it. " * 40 + "Exception encountered: '{}'"
CALL = (
    "Exception encountered when calling Rescaling.call().\n\n\x1b[1m{}\x1b[0m\n\nArguments received by "
    "Rescaling.call():\n  • inputs=1"
)


class TestSpoken:
    def test_a_text_of_several_lines_is_told_whole(self) -> None:
        assert spoken(ValueError("13 units\nbring  bad\n\nluck")) == "ValueError: 13 units bring bad luck"

    def test_without_a_text_there_is_the_type(self) -> None:
        assert spoken(MemoryError()) == "MemoryError"

    @pytest.mark.parametrize("origin", [ImportError("no tensorflow"), OwnError(3, "no tensorflow")])
    def test_what_keras_quotes_is_named_and_not_cut_off(self, origin: BaseException) -> None:
        call = CALL.format("no tensorflow")
        again = ImportError(call) if isinstance(origin, ImportError) else RuntimeError(call)
        told = spoken(raised(origin, again, RuntimeError(BUILD.format(call))))
        assert told.startswith(f"{type(origin).__name__}: ")
        assert told.endswith("no tensorflow")
        assert "Unable" not in told
        assert "Arguments" not in told

    def test_the_layer_that_keras_names_is_kept(self) -> None:
        call = CALL.format("no")
        told = spoken(raised(ImportError("no"), ImportError(call), RuntimeError(BUILD.format(call))))
        assert told == "ImportError: Exception encountered when calling Rescaling.call(). no"

    def test_what_was_being_handled_is_not_told_where_it_is_not_quoted(self) -> None:
        assert spoken(raised(KeyError("units"), ValueError("no units"))) == "ValueError: no units"

    def test_what_it_was_raised_from_is_told_behind_it(self) -> None:
        failure = ValueError("no units")
        failure.__cause__ = KeyError("a")
        assert spoken(failure) == "ValueError: no units, from KeyError: 'a'"

    def test_the_end_of_a_long_text_is_kept(self) -> None:
        told = shortened("begin " + "x" * 5000 + " end")
        assert len(told) == LONGEST
        assert told.startswith("begin ")
        assert told.endswith(" end")
        assert shortened("x" * LONGEST) == "x" * LONGEST
