"""The module `tensorrt` as far as this package uses it.

Knows its names; building and running are their own files.
"""

from . import trt_names as names
from .cuda import FakeCuda
from .trt_build import Builder, Network, Parser
from .trt_library import Library
from .trt_run import Runtime


class FakeTensorRT(Library):
    """Stands in for the module; what are classes there are methods here, bound to a device."""

    ILogger = names.ILogger
    IProgressMonitor = names.IProgressMonitor
    BuilderFlag = names.BuilderFlag
    DataType = names.DataType
    LayerInformationFormat = names.LayerInformationFormat
    MemoryPoolType = names.MemoryPoolType
    NetworkDefinitionCreationFlag = names.NetworkDefinitionCreationFlag
    ProfilingVerbosity = names.ProfilingVerbosity
    TensorIOMode = names.TensorIOMode

    def __init__(self, cuda: FakeCuda, name: str = 'tensorrt', version: str = '10.3.0') -> None:
        super().__init__(cuda, name, version)

    def Builder(self, logger: names.ILogger) -> Builder:
        """Return a builder; TypeError if there is no GPU to build for."""
        self.use(logger)
        return Builder(self)

    def OnnxParser(self, network: Network, logger: names.ILogger) -> Parser:
        """Return a parser that fills `network`."""
        self.use(logger)
        return Parser(self, network)

    def Runtime(self, logger: names.ILogger) -> Runtime:
        """Return what loads plans; TypeError if there is no GPU to run them."""
        self.use(logger)
        return Runtime(self)

    def nptype(self, dtype: names.DataType) -> type:
        """Return NumPy's type for one of TensorRT's."""
        return names.NUMPY[dtype]
