"""The part of TensorRT that this package uses, as Protocols under TensorRT's own names.

Knows what 10.3, 10.13, 11.x and TensorRT for RTX have in common; runs nothing. mypy holds our code
to these names, and a test looks each of them up in the real bindings of every one of those.
"""

from collections.abc import Sequence
from typing import Any, Protocol


class IHostMemory(Protocol):
    """A serialised plan; `bytes()` of it are what is stored."""

    nbytes: int


class ITensor(Protocol):
    """An input or output of a network that was parsed."""

    name: str
    dtype: Any


class INetworkDefinition(Protocol):
    """A parsed network."""

    num_inputs: int
    num_outputs: int

    def get_input(self, index: int) -> ITensor:
        """Return an input."""

    def get_output(self, index: int) -> ITensor:
        """Return an output."""


class ParserError(Protocol):
    """What the parser did not like."""

    def desc(self) -> str:
        """Say it."""

    def node_name(self) -> str:
        """Return the name of the ONNX node."""

    def node_operator(self) -> str:
        """Return its operator."""


class OnnxParser(Protocol):
    """Fills a network from ONNX bytes."""

    num_errors: int

    def parse(self, content: bytes) -> bool:
        """Parse; False, with errors, if it can't be."""

    def get_error(self, index: int) -> ParserError:
        """Return an error."""


class IBuilderConfig(Protocol):
    """How a plan is built."""

    profiling_verbosity: Any
    progress_monitor: Any

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        """Limit a pool to so many bytes."""

    def clear_flag(self, flag: Any) -> None:
        """Take a flag away."""


class Builder(Protocol):
    """Builds plans on the GPU they are for."""

    def create_network(self, flags: int) -> INetworkDefinition | None:
        """Return an empty network."""

    def create_builder_config(self) -> IBuilderConfig | None:
        """Return a configuration with TensorRT's defaults."""

    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig
    ) -> IHostMemory | None:
        """Build; None if it fails."""


class EngineInspector(Protocol):
    """Tells people what a plan is made of."""

    def get_engine_information(self, form: Any) -> str:
        """Return a description of all layers."""


class IExecutionContext(Protocol):
    """A plan with memory to run in."""

    def set_tensor_address(self, name: str, address: int) -> bool:
        """Bind a tensor; False if it can't be."""

    def execute_async_v3(self, stream_handle: int) -> bool:
        """Put the run into the stream; False if it can't be."""


class ICudaEngine(Protocol):
    """A plan that was loaded."""

    num_io_tensors: int

    def get_tensor_name(self, index: int) -> str:
        """Return the name of an input or output."""

    def get_tensor_mode(self, name: str) -> Any:
        """Return whether it goes in or comes out."""

    def get_tensor_shape(self, name: str) -> Sequence[int]:
        """Return its shape."""

    def get_tensor_dtype(self, name: str) -> Any:
        """Return its type."""

    def create_execution_context(self) -> IExecutionContext | None:
        """Take the memory to run in; None if there is not enough."""

    def create_engine_inspector(self) -> EngineInspector:
        """Return an inspector."""


class Runtime(Protocol):
    """Loads plans."""

    def deserialize_cuda_engine(self, plan: bytes) -> ICudaEngine | None:
        """Load; None if it is not a plan for this version and this GPU."""


class TensorRT(Protocol):
    """The module `tensorrt` or `tensorrt_rtx`, or what stands in for it."""

    __name__: str
    __version__: str
    ILogger: Any
    IProgressMonitor: Any
    BuilderFlag: Any  # TF32
    LayerInformationFormat: Any  # JSON
    MemoryPoolType: Any  # WORKSPACE
    NetworkDefinitionCreationFlag: Any  # STRONGLY_TYPED
    ProfilingVerbosity: Any  # DETAILED
    TensorIOMode: Any  # INPUT

    def Builder(self, logger: Any) -> Builder:
        """Return a builder; TypeError if there is no GPU to build for."""

    def OnnxParser(self, network: INetworkDefinition, logger: Any) -> OnnxParser:
        """Return a parser that fills `network`."""

    def Runtime(self, logger: Any) -> Runtime:
        """Return what loads plans."""

    def nptype(self, dtype: Any) -> type:
        """Return NumPy's type for one of TensorRT's."""


CONSTANTS = (
    'BuilderFlag.TF32',
    'ILogger.ERROR',
    'LayerInformationFormat.JSON',
    'MemoryPoolType.WORKSPACE',
    'NetworkDefinitionCreationFlag.STRONGLY_TYPED',
    'ProfilingVerbosity.DETAILED',
    'TensorIOMode.INPUT',
)
"""The members of its enumerations that are used."""
