"""Cropping of images."""

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
