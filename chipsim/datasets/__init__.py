"""Images: MNIST from idx files or the network, any idx folder, and the built-in extract `mnist-5k`."""

from chipsim.datasets.dataset import Dataset, check_finite
from chipsim.datasets.idx import read_idx
from chipsim.datasets.load import load_dataset

__all__ = ["Dataset", "check_finite", "load_dataset", "read_idx"]
