"""Cropping of images, and random backgrounds behind them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chipsim.errors import DataError


def centre_crop(images: NDArray[np.uint8], crop: tuple[int, int], source: str) -> NDArray[np.uint8]:
    """Return the centre of every image, shape (images, rows, columns); an odd margin is larger at the bottom and right.

    Raises
    ------
    DataError
        if the crop is not positive or larger than the images of `source`.
    """
    rows, columns = crop
    height, width = images.shape[1:]
    if not (1 <= rows <= height and 1 <= columns <= width):
        msg = f"data.crop: [{rows}, {columns}] does not fit the images of {source}, which have {height} x {width} pixels"
        raise DataError(msg)
    top, left = (height - rows) // 2, (width - columns) // 2
    return images[:, top : top + rows, left : left + columns]


def on_background(images: NDArray[np.uint8], seed: int, part: int) -> NDArray[np.uint8]:
    """Return images with a random background: the brighter of each pixel and a grey drawn for it, uniform over 0 ... 255.

    Parameters
    ----------
    images
        shape (images, rows, columns).
    seed, part
        key the draws; `part` tells training images (0) from test images (1). An image's background depends on its place in the
        file alone, not on crop, split or limits.

    Notes
    -----
    After the task mnist-back-rand of Larochelle et al., "An empirical evaluation of deep architectures on problems with many factors of
    variation", ICML 2007. Philox's words are the same on every machine.
    """
    draws = np.random.Philox(key=[seed, part])
    words = draws.random_raw(-(-images.size // 8)).astype("<u8")
    return np.maximum(images, np.frombuffer(words.tobytes(), dtype=np.uint8)[: images.size].reshape(images.shape))
