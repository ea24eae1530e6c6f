"""Libraries that are imported beside the reading of the data do not get in its way."""

import subprocess
import sys

RACE = """
import sys
from hpsearch.engines.imports import import_keras, jax_ahead

assert "numpy.ma" not in sys.modules
with jax_ahead(wanted={wanted}):
    found = "numpy.ma" in sys.modules
assert found == {wanted}, "NumPy's table of types changes while numpy.ma goes through it"
assert ("jax.numpy" in sys.modules) == {wanted}, "JAX is imported while Keras hides modules"
import_keras("jax", spawned=True)
"""


class TestImportingAhead:
    def check(self, wanted: bool) -> None:
        code = RACE.format(wanted=wanted)
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr

    def test_ends_before_keras_is_imported(self) -> None:
        self.check(wanted=True)

    def test_is_left_where_another_backend_is_wanted(self) -> None:
        self.check(wanted=False)
