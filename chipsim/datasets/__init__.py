"""Images and features: MNIST from idx files or the network, any idx folder, npz archives of features, and built-in extracts."""

from chipsim.datasets.dataset import Dataset, check_finite
from chipsim.datasets.idx import read_idx
from chipsim.datasets.load import load_dataset

__all__ = ["Dataset", "check_finite", "load_dataset", "read_idx"]
