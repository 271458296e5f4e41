"""Numba kernels over arrays and scalars: the arithmetic of the chip. Imports nothing but NumPy and Numba."""
