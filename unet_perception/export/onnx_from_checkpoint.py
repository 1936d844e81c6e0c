"""The bare network as ONNX: normalised floats in, logits out.

Knows torch's exporter; not pre- and post-processing (`wrap`), nor the manifest.
"""

import io
import warnings

import onnx
import torch

from ..core.geometry import Size
from ..training.unet import UNet

OPSET = 17
"""Readable by TensorRT 10.0 (opset 9 to 20) and everything later."""


def onnx_from_network(network: UNet, size: Size) -> onnx.ModelProto:
    """Export for one input size; RequestError if the network can't take that size."""
    network.config.check_size(size)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # this exporter is the old one, for its opset
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, *size),),
            stream,
            input_names=['normalised'],
            output_names=['logits'],
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(stream.getvalue())
