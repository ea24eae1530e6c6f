"""Small convolutional networks in the study file."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from hpsearch.spec.sections.architecture import Architecture, Convolution, Dense, Pooling
from hpsearch.spec.sections.initializers import INITIALIZERS
from hpsearch.spec.sections.layered import Layered, check_lists, counted, given, item_of
from hpsearch.spec.study_file.distributions import Searchable, alternatives, bounds, problem
from hpsearch.spec.study_file.parts import MAX_ITEMS, Component, Listed, OneOf, PerLayer, Units, bare

KernelSize = Annotated[int, Field(ge=1, le=1_000)]
PoolSize = Annotated[int, Field(ge=2, le=1_000)]


class MaxPooling(Component):
    """The largest of each square of `size` by `size`; squares do not overlap."""

    name = "max"
    size: Searchable[PoolSize] = 2


class AveragePooling(MaxPooling):
    """The mean of each square."""

    name = "average"


POOLING: dict[str, type[Component]] = {"none": bare("none"), "max": MaxPooling, "average": AveragePooling}
PoolingKind = Annotated[Component, OneOf("a kind of pooling", POOLING)]

_OF_CONVOLUTIONS = {name: kind for name, kind in INITIALIZERS.items() if name != "identity"}
_UNSUITABLE = {"identity": "creates a matrix, and the kernel of a convolution is not one"}
KernelInitializer = Annotated[
    Component, OneOf("an initializer of convolutions", _OF_CONVOLUTIONS, _UNSUITABLE)
]


class Blocks(Component):
    """The blocks of convolutions, and how their images become rows for the dense layers behind them.

    The sizes of the blocks are given by `filters` as a list, or by `blocks` and `filters` as one number.
    """

    filters: Searchable[PerLayer[Units]]
    blocks: Searchable[Annotated[int, Field(ge=1, le=1_000)]] | None = None
    kernel: Searchable[PerLayer[Searchable[KernelSize]]] = 3
    padding: Searchable[Literal["valid", "same"]] = "same"
    pooling: Searchable[PerLayer[Searchable[PoolingKind]]] = MaxPooling()
    head: Searchable[Literal["flatten", "global_average"]] = "flatten"
    hidden: Searchable[Listed[Units] | None] = None

    @model_validator(mode="after")
    def _blocks_are_counted_once(self) -> Self:
        by_list = {isinstance(filters, tuple) for filters in alternatives(self.filters)}
        if by_list != {self.blocks is None}:
            lists = "lists and numbers" if len(by_list) > 1 else "a list" if True in by_list else "a number"
            raise problem(
                "the sizes of the blocks: either 'filters' as a list or 'blocks' with 'filters' as a number",
                found=f"{lists} in {given(filters=self.filters, blocks=self.blocks)}",
            )
        return self

    @model_validator(mode="after")
    def _lists_have_one_item_for_each_block(self) -> Self:
        for name in ("kernel", "pooling"):
            check_lists(name, getattr(self, name), self.block_counts(), "blocks")
        return self

    def block_counts(self) -> set[int | None]:
        """Collect the numbers of blocks that are possible; None stands for a range."""
        if self.blocks is not None:
            return counted(self.blocks)
        return {len(filters) for filters in alternatives(self.filters)}


class Cnn(Layered, Blocks):
    """A convolutional network: blocks, a head, dense layers if `hidden` lists them, and the output layer.

    Each block is convolution, activation, pooling, dropout and alpha dropout. What lists one setting for each
    layer lists those of the blocks first.
    """

    name = "cnn"
    initializer: Searchable[PerLayer[Searchable[KernelInitializer]]] = INITIALIZERS["glorot_uniform"]()

    layers_are: ClassVar[str] = "blocks and dense layers"

    @model_validator(mode="after")
    def _there_are_not_too_many_layers(self) -> Self:
        lists = [len(filters) for filters in alternatives(self.filters) if isinstance(filters, tuple)]
        most = max(lists or [int(bounds(self.blocks)[1])]) + max(self._dense_counts())
        if most > MAX_ITEMS:
            raise problem(f"at most {MAX_ITEMS:,} blocks and dense layers", found=f"{most:,}")
        return self

    def _dense_counts(self) -> set[int]:
        return {len(hidden or ()) for hidden in alternatives(self.hidden)}

    def depths(self) -> set[int | None]:
        blocks, dense = self.block_counts(), self._dense_counts()
        return {None if count is None else count + more for count in blocks for more in dense}

    @property
    def architecture(self) -> Architecture:
        depth = len(self.filters) if isinstance(self.filters, tuple) else self.blocks or 0
        dense = tuple(map(Dense, self.hidden or ()))
        return Architecture((*map(self._block, range(depth)), *dense), self.head)

    def _block(self, index: int) -> Convolution:
        filters, size, pooling = (item_of(v, index) for v in (self.filters, self.kernel, self.pooling))
        return Convolution(filters, size, self.padding, pooling_of(pooling))


def pooling_of(pooling: Any) -> Pooling | None:
    """Return the pooling of a block of a configuration."""
    return Pooling(pooling.name, pooling.size) if isinstance(pooling, MaxPooling) else None
