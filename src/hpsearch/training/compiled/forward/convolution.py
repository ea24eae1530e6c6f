"""Convolutions that are quick inside a compiled epoch.

XLA brings convolutions into the form for which its CPU code is quick, but only outside of loops. JAX's own
gradients of a convolution are not in that form, and so take several times as long in a loop over steps. Here
they are written in it; the numbers are the same.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import keras

Array = Any
Rims = tuple[tuple[int, int], tuple[int, int]]
"""Zeros around an image: above and below, left and right."""


def _correlate(images: Array, kernel: Array, rims: Rims) -> Array:
    """Correlate images (n, h, w, c) with kernels (k, l, c, filters)."""
    form = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), rims, dimension_numbers=form)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve(images: Array, kernel: Array, rims: Rims) -> Array:
    """Convolve images with a kernel, with strides of 1, as Keras does.

    Args:
        images: (n, h, w, c).
        kernel: (k, l, c, filters).
        rims: The zeros to add above and below, left and right.
    """
    return _correlate(images, kernel, rims)


def _forward(images: Array, kernel: Array, rims: Rims) -> tuple[Array, tuple[Array, Array]]:
    return _correlate(images, kernel, rims), (images, kernel)


def _backward(rims: Rims, kept: tuple[Array, Array], slopes: Array) -> tuple[Array, Array]:
    images, kernel = kept
    sides = zip(kernel.shape[:2], rims, strict=True)
    height, width = ((size - 1 - low, size - 1 - high) for size, (low, high) in sides)
    of_images = _correlate(slopes, kernel[::-1, ::-1].transpose(0, 1, 3, 2), (height, width))
    # Channels take the place of rows, and rows that of channels.
    of_kernel = _correlate(images.transpose(3, 1, 2, 0), slopes.transpose(1, 2, 0, 3), rims)
    return of_images, of_kernel.transpose(1, 2, 0, 3)


convolve.defvjp(_forward, _backward)


def quick_in_loops(layer: Any) -> Any:
    """Let a stock layer that convolves do it by `convolve`; any other stays as it is."""
    if isinstance(layer, keras.layers.Conv2D):
        sizes = layer.kernel_size if layer.padding == "same" else (1, 1)
        height, width = (((size - 1) // 2, size // 2) for size in sizes)
        layer.convolution_op = lambda images, kernel: convolve(
            images, keras.ops.convert_to_tensor(kernel), (height, width)
        )
    return layer
