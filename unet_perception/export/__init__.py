"""From a checkpoint to a model folder that the runtime believes; knows onnx and both sides."""
