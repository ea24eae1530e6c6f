"""Images from a folder of classes: decoded as Pillow and Keras decode them, or refused with the file."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from hpsearch.data import Preprocessing, load_dataset
from hpsearch.exceptions import DataError
from hpsearch.spec import Data
from hpsearch.store.best_study import _found_from_anywhere

SUFFIXES = ("png", "jpg", "gif", "bmp", "webp", "tiff", "JPEG", "tif")
TURNED = 6
"""The orientation in a photograph's metadata by which it is turned clockwise to be upright."""


def draw(path: Path, seed: int, size: tuple[int, int] = (9, 7), mode: str = "RGB", **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for at, suffix in enumerate(SUFFIXES):
        name = "cats" if at % 2 else "Dogs"
        draw(folder / name / f"{at}.{suffix}", at, (6 + at, 12 - at), "RGBA" if suffix == "png" else "RGB")
    draw(folder / "cats" / "gray.png", 20, mode="L")
    draw(folder / "Dogs" / "palette.png", 21, mode="P")
    (folder / ".hidden").mkdir()
    for litter in (folder / ".DS_Store", folder / "cats" / ".cache.txt", folder / "cats" / "Thumbs.db"):
        litter.write_text("left out")
    return folder


def loaded(folder: Path, **options: Any) -> Any:
    data = Data.model_validate({"images": folder.name, "size": [8, 5], "validation": 0.4, **options})
    return load_dataset(data, folder.parent)


@pytest.mark.parametrize(("channels", "mode"), [(3, "rgb"), (1, "grayscale")])
def test_images_are_those_of_keras_in_the_order_of_classes_and_names(
    photos: Path, channels: int, mode: str
) -> None:
    dataset = loaded(photos, channels=channels)
    paths = [path for name in ("Dogs", "cats") for path in sorted((photos / name).glob("[0-9gp]*.*[a-zG]*"))]
    assert len(paths) == len(SUFFIXES) + 2
    expected = [
        keras.utils.img_to_array(keras.utils.load_img(path, mode, (8, 5), "bilinear"), "channels_last")
        for path in paths
    ]
    assert dataset.labels == ("Dogs", "cats")
    assert dataset.features == (8, 5, channels)
    assert dataset.unscaled.x.dtype == np.uint8
    np.testing.assert_array_equal(dataset.unscaled.x, np.stack(expected))
    np.testing.assert_array_equal(dataset.unscaled.y, [0] * 5 + [1] * 5)


@pytest.mark.long
def test_images_of_their_own_size_are_those_of_a_dataset_of_keras(tmp_path: Path) -> None:
    for at in range(6):
        draw(tmp_path / "photos" / f"class {at % 2}" / f"{at}.png", at, (8, 5))
    theirs = keras.utils.image_dataset_from_directory(
        str(tmp_path / "photos"), image_size=(8, 5), shuffle=False, batch_size=None
    )
    pairs = [(np.asarray(x), int(y)) for x, y in theirs]
    ours = loaded(tmp_path / "photos")
    assert tuple(theirs.class_names) == ours.labels
    np.testing.assert_array_equal(ours.unscaled.x, np.stack([x for x, _ in pairs]))
    np.testing.assert_array_equal(ours.unscaled.y, [y for _, y in pairs])


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    for at in range(4):
        draw(tmp_path / "photos" / f"{at % 2}" / f"{at}.png", at, (8, 5))
    turned = Image.Exif()
    turned[0x0112] = TURNED
    draw(tmp_path / "photos" / "0" / "0.png", 0, (5, 8), exif=turned)
    upright = np.rot90(np.random.default_rng(0).integers(0, 256, (5, 8, 3), np.uint8), -1)
    np.testing.assert_array_equal(loaded(tmp_path / "photos").unscaled.x[0], upright)


def test_a_test_part_has_a_folder_of_its_own(tmp_path: Path) -> None:
    for part, count in (("train", 4), ("test", 2)):
        for at in range(2 * count):
            draw(tmp_path / "photos" / part / "ab"[at % 2] / f"{at}.png", at, (8, 5))
    dataset = loaded(tmp_path / "photos")
    assert (len(dataset.unscaled.y), len(dataset.raw_test().y)) == (8, 4)
    first = Image.open(tmp_path / "photos" / "test" / "a" / "0.png")
    np.testing.assert_array_equal(dataset.raw_test().x[0], np.asarray(first))


def test_the_fingerprint_is_of_what_is_decoded(photos: Path) -> None:
    first = loaded(photos).fingerprint
    image = Image.open(photos / "Dogs" / "palette.png")
    image.save(photos / "Dogs" / "palette.png", compress_level=0)
    assert loaded(photos.rename(photos.parent / "moved")).fingerprint == first
    photos = photos.parent / "moved"
    found = {first, loaded(photos, size=[8, 6]).fingerprint, loaded(photos, channels=1).fingerprint}
    draw(photos / "cats" / "gray.png", 30, mode="L")
    found.add(loaded(photos).fingerprint)
    (photos / "cats").rename(photos / "Cats")
    found.add(loaded(photos).fingerprint)
    assert len(found) == 5


def break_image(photos: Path) -> Path:
    path = photos / "cats" / "gray.png"
    path.write_bytes(path.read_bytes()[:60])
    return path


def write_text(photos: Path) -> Path:
    (photos / "cats" / "5.jpg").write_text("no image")
    return photos / "cats" / "5.jpg"


def write_other(photos: Path) -> Path:
    (photos / "cats" / "names.txt").write_text("tom")
    return photos / "cats" / "names.txt"


def write_stray(photos: Path) -> Path:
    return draw(photos / "stray.png", 1)


def write_inner(photos: Path) -> Path:
    return draw(photos / "cats" / "young" / "1.png", 1).parent


def empty_class(photos: Path) -> Path:
    (photos / "birds").mkdir()
    return photos / "birds"


def link_to_nothing(photos: Path) -> Path:
    (photos / "cats" / "link.png").symlink_to(photos / "gone.png")
    return photos / "cats" / "link.png"


def save_deep(photos: Path) -> Path:
    Image.fromarray(np.full((4, 4), 9000, np.uint16)).save(photos / "cats" / "deep.png")
    return photos / "cats" / "deep.png"


def save_odd(photos: Path) -> str:
    (photos / "cats").rename(photos / "caf\udce9")
    return ascii(str(photos / "caf\udce9"))


def one_file(photos: Path) -> Path:
    draw(photos / "birds" / "1.png", 1)
    return photos


def no_folder(photos: Path) -> Path:
    return photos.rename(photos.parent / "elsewhere").parent / "photos"


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (break_image, "the image cannot be decoded ("),
        (write_text, "this is not an image that can be decoded"),
        (write_other, "this is not an image (.bmp, .gif"),
        (write_stray, "expected folders here, one for each class"),
        (write_inner, "expected images in 'cats', found a folder"),
        (empty_class, "there is no image in this folder"),
        (link_to_nothing, "this link leads to no file"),
        (save_deep, "this image has more than 8 bits"),
        (save_odd, "the name of a class must be UTF-8"),
        (one_file, "class 'birds' has 1 row(s), too few"),
        (no_folder, "there is no such folder of images"),
    ],
)
def test_what_is_no_image_is_refused_with_its_file(photos: Path, harm: Any, expected: str) -> None:
    where = harm(photos)
    with pytest.raises(DataError) as caught:
        loaded(photos)
    assert str(caught.value).startswith(f"{where}: {expected}")


def test_links_are_followed(photos: Path) -> None:
    before = loaded(photos).fingerprint
    (photos / "cats").rename(photos.parent / "kept")
    (photos / "cats").symlink_to(photos.parent / "kept")
    (photos / "Dogs" / "0.png").rename(photos.parent / "0.png")
    (photos / "Dogs" / "0.png").symlink_to(photos.parent / "0.png")
    assert loaded(photos).fingerprint == before


@pytest.mark.parametrize("suffix", SUFFIXES[:6])
def test_damaged_images_are_never_a_traceback(tmp_path: Path, suffix: str) -> None:
    whole = draw(tmp_path / f"one.{suffix}", 1).read_bytes()
    preprocessing = Preprocessing("images:x", "classification", ("a", "b"), (4, 4, 3), None, images=(4, 4, 3))
    assert preprocessing.read(tmp_path / f"one.{suffix}").x.shape == (1, 4, 4, 3)
    generator = random.Random(0)  # noqa: S311 - of places in a file
    refused = 0
    for _ in range(60):
        content = bytearray(whole[: generator.randrange(len(whole))] if generator.random() < 0.3 else whole)
        for _ in range(min(len(content), 3)):
            content[generator.randrange(min(len(content), 80))] = generator.randrange(256)
        (tmp_path / f"one.{suffix}").write_bytes(content)
        try:
            preprocessing.read(tmp_path / f"one.{suffix}")
        except DataError as failure:
            refused += str(failure).startswith(str(tmp_path / f"one.{suffix}: "))
    assert refused > 20


def test_new_rows_are_images_or_arrays(photos: Path) -> None:
    preprocessing = loaded(photos, shape=[40], channels=1).preprocessing()
    assert preprocessing.features == (40,)
    found = preprocessing.read(photos / "cats")
    assert found.notes == (
        f"the rows are the images of {photos / 'cats'} in the order of their names, from 1.jpg on",
    )
    one = preprocessing.read(photos / "cats" / "1.jpg")
    np.testing.assert_array_equal(one.x, found.x[:1])
    assert (found.x.shape, found.x.dtype, one.notes) == ((5, 40), np.uint8, ())
    np.savez(photos / "x.npz", x=found.x.reshape(5, 8, 5, 1))
    np.testing.assert_array_equal(preprocessing.read(photos / "x.npz").x, found.x)
    for path, expected in (
        (photos / "new.csv", "expected an image, a folder of images, or an npz file with x, the rows"),
        (photos / "new.png", "there is no such file"),
        (photos, "expected images in 'photos', found a folder"),
    ):
        with pytest.raises(DataError, match=expected):
            preprocessing.read(path)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"images": "a"}, "the height and width that all images get, as in 'size: [64, 64]'"),
        ({"images": "a", "size": [8]}, "the height and width that all images get"),
        ({"images": "a", "size": [8, 8], "channels": 2}, "1 or 3"),
        ({"sklearn": "digits", "size": [8, 8]}, "'size' only with images"),
        ({"npz": "a.npz", "channels": 1}, "'channels' only with images"),
        ({"images": "a", "size": [8, 8], "window": {"length": 2}}, "csv, npz or arrays with 'window'"),
        ("images:photos", "{images: DIR, size: [64, 64]}"),
    ],
)
def test_sizes_belong_to_images(data: Any, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Data.model_validate(data)
    assert expected in str(caught.value)


def test_the_best_study_finds_its_images_from_anywhere() -> None:
    data = Data.model_validate({"images": "photos", "size": [8, 5]})
    assert data.source == "images:photos"
    assert _found_from_anywhere(data, "/studies").images == "/studies/photos"
