"""The parameter class of the host: the partner that computes the layers before, and feeds the chip."""

from __future__ import annotations

from chipsim.scenario.parts import SECOND
from chipsim.spec import BitsPerSecond, Spec, Time, param


class Host(Spec):
    """A partner that makes one image after the other, and a link with a queue at its end; the chip waits where it is starved."""

    period: Time = param(
        "100 us", "mean time in which the host makes one image", basis="assumed", source="10,000 images/s of a convolutional network", gt=0, le=SECOND
    )
    jitter: float = param(0.1, "relative spread of that time (sigma; never below zero)", basis="assumed", ge=0, le=1)
    latency: Time = param("1 us", "from the end of sending to the arrival in the queue", basis="assumed", ge=0, le=SECOND)
    bandwidth: BitsPerSecond = param("126 Gbps", "bandwidth of the link", basis="derived", source="PCI Express 3.0: 16 lanes of 8 GT/s, 128b/130b", gt=0)
    bits: int = param(8, "bits of one input value on the link", basis="choice", ge=1, le=64)
    queue: int = param(16, "images that the chip's queue holds, those on their way included", basis="assumed", ge=1)

    def send_ps(self, inputs: int) -> int:
        """Return how long the link is busy with one image of `inputs` values, ps."""
        return max(round(inputs * self.bits / self.bandwidth * 1e12), 1)
