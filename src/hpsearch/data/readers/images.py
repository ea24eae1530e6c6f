"""Images from a folder that has one folder for each class, decoded into arrays."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hpsearch.data.checks import fits_in_memory
from hpsearch.data.loaded import Loaded, from_arrays
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What Pillow may take a file for, whatever its suffix: its further formats run programs, or are rare."""

PARTS = ("test", "train")
"""Folders that hold the classes' folders of one part each."""

LITTER = ("desktop.ini", "thumbs.db")
"""Files that systems leave in folders of images, without a dot before their names."""

MODES = {1: "L", 3: "RGB"}
DEEP = ("F", "I")
"""Modes of images with more than 8 bits for a colour begin so; Pillow would cut their values off."""

BROKEN = (
    OSError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    SyntaxError,
    RuntimeError,
    ArithmeticError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises for a file that is damaged or made to harm."""


def load_images(folder: Path, form: tuple[int, ...]) -> Loaded:
    """Decode the images of every class.

    Args:
        folder: Holds one folder for each class, or the folders `train` and `test`, which do.
        form: The height, the width and the channels that the images get.

    Returns:
        (n, height, width, channels) uint8 in the order of the names, with the classes' names as targets.

    Raises:
        DataError: A folder is missing or has no images, or a file is not an image.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder of images.")
    found = _folders(folder)
    if tuple(path.name for path in found) != PARTS:
        return from_arrays(str(folder), _part(found, folder, "train", form), "classification")
    test, train = (_part(_folders(path), path, path.name, form) for path in found)
    return from_arrays(str(folder), {**train, **test}, "classification")


def _part(folders: list[Path], where: Path, part: str, form: tuple[int, ...]) -> dict[str, Array]:
    files = {path.name: images_in(path) for path in folders}
    if not files:
        raise DataError(f"{where}: expected a folder for each class, with its images; found none.")
    names = [name for name, paths in files.items() for _ in paths]
    images = decoded([path for paths in files.values() for path in paths], form)
    return {f"x_{part}": images, f"y_{part}": np.array(names)}


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, in the order of their names.

    Raises:
        DataError: There are files beside them, or a name is not UTF-8.
    """
    found = _visible(folder)
    for path in found:
        if not path.is_dir():
            raise DataError(
                f"{path}: expected folders here, one for each class; move this file into one of them."
            )
        try:
            path.name.encode()
        except UnicodeEncodeError:
            raise DataError(f"{str(path)!a}: the name of a class must be UTF-8: rename it.") from None
    return found


def _visible(folder: Path) -> list[Path]:
    """Return what is in a folder and is not hidden, in the order of the names."""
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as failure:
        raise DataError(f"{folder}: this folder cannot be read: {failure.strerror}.") from None
    return sorted((path for path in found if path.name.lower() not in LITTER), key=lambda path: path.name)


def images_in(folder: Path) -> list[Path]:
    """Return the images of a folder in the order of their names; hidden files are left out.

    Raises:
        DataError: There are none, or there is something else.
    """
    found = _visible(folder)
    for path in found:
        if path.is_dir():
            raise DataError(
                f"{path}: expected images in {folder.name!r}, found a folder: each class has one folder, "
                "and only 'train' and 'test' may stand around the classes."
            )
        if path.suffix.lower() not in SUFFIXES:
            raise DataError(
                f"{path}: this is not an image ({', '.join(SUFFIXES)}): convert it, or move it elsewhere."
            )
    if not found:
        raise DataError(f"{folder}: there is no image in this folder: remove it, or put images into it.")
    return found


def sizes_of(folder: Path, most: int) -> list[tuple[int, int]]:
    """Return heights and widths of up to `most` images of each class of a folder, read from their headers.

    Raises:
        DataError: A folder is missing or has no images, or a file is not an image.
    """
    found = _folders(folder)
    classes = _folders(found[1]) if tuple(path.name for path in found) == PARTS else found
    if not classes:
        raise DataError(f"{folder}: expected a folder for each class, with its images; found none.")
    return [_size(path) for one in classes for path in images_in(one)[:most]]


def decoded(paths: Sequence[Path], form: tuple[int, ...]) -> Array:
    """Return images as (n, height, width, channels) uint8, resized bilinearly as `keras.utils.load_img` does.

    Raises:
        DataError: A file is not an image, or they do not fit in memory.
    """
    height, width, channels = form
    fits_in_memory(str(paths[0].parent), len(paths), height * width * channels, 1, "lower 'size'")
    images = np.empty((len(paths), *form), np.uint8)
    for image, path in zip(images, paths, strict=True):
        image[:] = _decoded(path, (width, height), MODES[channels]).reshape(form)
    return images


def _decoded(path: Path, size: tuple[int, int], mode: str) -> Array:
    with _opened(path) as image:
        _is_shallow(path, image.mode)
        upright = ImageOps.exif_transpose(image).convert(mode)
        return np.asarray(upright.resize(size, Image.Resampling.BILINEAR))


def _size(path: Path) -> tuple[int, int]:
    with _opened(path) as image:
        return image.height, image.width


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image, and say of one that is not to be decoded which and why."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of an image that unpacks to very much, and refuses one of twice as much.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except FileNotFoundError:
        found = "this link leads to no file" if path.is_symlink() else "there is no such file"
        raise DataError(f"{path}: {found}.") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: this is not an image that can be decoded ({', '.join(FORMATS)}).") from None
    except BROKEN as failure:
        raise DataError(f"{path}: the image cannot be decoded ({failure}).") from None


def _is_shallow(path: Path, mode: str) -> None:
    if mode.startswith(DEEP):
        raise DataError(f"{path}: this image has more than 8 bits for a colour: save it with 8.")
