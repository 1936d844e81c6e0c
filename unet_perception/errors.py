"""Every error that this package raises on purpose, as one tree.

UnetPerceptionError
├── RequestError        what was asked for can't be: a wrong path, option or parameter
├── DataError           training or evaluation data that can't be used as it is
├── ModelError          a model folder that can't be trusted or understood
│   └── GoldenError     an engine's answer to the model's golden image is not the expected one
├── EngineError         an inference backend that is missing, won't open or failed to run
│   ├── CudaError       a CUDA call that did not succeed (engines/cuda.py)
│   ├── EngineHangError an inference that does not return
│   ├── EngineLostError an engine whose device was lost: it has to be opened anew
│   └── NotBuiltError   an engine that has to be compiled for this machine first, and may not be
└── FrameError          an image that can't be decoded; the frame counts as malformed

A message says what is wrong, where (with `repr`), and what to do about it.
Foreign exceptions become one of these at the border of the module that calls the library.
"""


class UnetPerceptionError(Exception):
    """Base of every error raised on purpose."""


class RequestError(UnetPerceptionError):
    """The request can't be met as it was made."""


class DataError(UnetPerceptionError):
    """The data set can't be used as it is."""


class ModelError(UnetPerceptionError):
    """The model folder can't be trusted or understood."""


class GoldenError(ModelError):
    """The engine's answer to the golden image differs too much from the expected one."""


class EngineError(UnetPerceptionError):
    """The inference backend is missing, won't open or failed to run."""


class EngineHangError(EngineError):
    """An inference does not return, so its engine can't be closed."""


class EngineLostError(EngineError):
    """The engine's device was lost with all that was on it; another engine may be opened.

    `is_known`: the loss was told before, by another engine on the same device.
    """

    def __init__(self, message: str, is_known: bool = False) -> None:
        super().__init__(message)
        self.is_known = is_known


class NotBuiltError(EngineError):
    """The engine has to be compiled for this machine first, which takes minutes; it may not be."""


class FrameError(UnetPerceptionError):
    """The image can't be decoded."""
