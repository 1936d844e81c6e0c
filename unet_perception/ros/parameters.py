"""The node's parameters: one table, from which come declaration, checks, NodeConfig and README.

Knows names, ranges and rclpy's parameter types; not what the node does with the values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
import re
from typing import Any, NamedTuple

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ..errors import RequestError

Value = bool | int | float | str | list[str]
TYPE_NAMES = {
    bool: 'bool',
    int: 'integer',
    float: 'double',
    str: 'string',
    list: 'string array',
}


class Row(NamedTuple):
    """One parameter. `allowed` is (least, most) for numbers, the choices for strings."""

    name: str
    default: Value
    allowed: tuple[Value, ...]
    is_live: bool
    """Takes effect at once; otherwise at the next configure."""
    description: str

    @property
    def type_name(self) -> str:
        """The type as ROS names it."""
        return TYPE_NAMES[type(self.default)]

    @property
    def allowed_text(self) -> str:
        """The allowed values, for people."""
        if not self.allowed:
            return 'any'
        if isinstance(self.default, str):
            return ', '.join(str(choice) for choice in self.allowed)
        return f'{self.allowed[0]} to {self.allowed[1]}'


PARAMETERS = (
    Row('model', 'lane', (), False, 'Name of a shipped model, or path of a model folder'),
    Row(
        'backend',
        'auto',
        ('auto', 'tensorrt', 'openvino', 'onnxruntime'),
        False,
        'Inference backend; auto takes the first of these that this machine has all it needs for',
    ),
    Row(
        'precision',
        'auto',
        ('auto', 'fp32', 'fp16', 'int8'),
        False,
        'Which of the model files to serve; auto: fp16 by TensorRT, if there is one, else fp32',
    ),
    Row(
        'latency_budget_ms',
        100.0,
        (1.0, 60_000.0),
        False,
        'From the stamp of an image to the return of the last publish call of its mask; frames '
        'that would be late are dropped and counted',
    ),
    Row(
        'budget_from',
        'stamp',
        ('stamp', 'reception'),
        False,
        "Where the budget begins; with simulated time, or a stamp that can't be right, always at "
        'reception',
    ),
    Row('publish_late', False, (), False, 'Publish masks that are late, too'),
    Row(
        'operating_point',
        'auto',
        (),
        False,
        'auto: the best input size of the model that fits the budget, coarser under load; or one '
        'size, as 256x512 (height x width), for good',
    ),
    Row(
        'stall_budgets',
        10,
        (1, 1000),
        False,
        'After so many budgets without a mask, or in one inference, diagnostics tell of an error',
    ),
    Row(
        'cameras',
        [''],
        (),
        False,
        'Names of the cameras that share the engine, as [front, left]; each goes before the '
        'topics of its camera. One empty name: one camera, plain topics',
    ),
    Row('engine_threads', 0, (0, 256), False, 'CPU threads for inference; 0 is one per core'),
    Row(
        'allow_engine_build',
        True,
        (),
        False,
        'Build a TensorRT plan at configure where `unet_perception build-engine` has not yet: '
        'once for each GPU, minutes on an embedded one',
    ),
    Row(
        'engine_workspace_mb',
        0,
        (0, 1_000_000),
        False,
        'The most GPU memory that one operator of a TensorRT plan may take; 0: no limit',
    ),
    Row(
        'image_transport',
        'raw',
        ('raw', 'compressed'),
        False,
        'Subscribe to `image` (raw) or to `image/compressed` (JPEG or PNG)',
    ),
    Row(
        'max_megapixels',
        25.0,
        (0.1, 1000.0),
        False,
        'Larger images are refused before memory is taken for them',
    ),
    Row(
        'input_timeout_s',
        2.0,
        (0.1, 3600.0),
        False,
        'After so long without an image diagnostics warn, and say why',
    ),
    Row(
        'unknown_threshold',
        0.0,
        (0.0, 1.0),
        True,
        'Pixels whose confidence is lower get class 255 (unknown)',
    ),
    Row(
        'opening_px',
        0,
        (0, 99),
        False,
        'Make unknown what is thinner, in every class but 0 (network pixels; 0: off)',
    ),
    Row(
        'closing_px',
        0,
        (0, 99),
        False,
        'Fill gaps of class 0 that are narrower, in every other class (network pixels; 0: off)',
    ),
    Row(
        'min_region_px',
        0,
        (0, 1_000_000),
        False,
        'Make connected regions of fewer pixels unknown (network pixels; 0: off)',
    ),
    Row('autostart', False, (), False, 'Configure and activate without being asked'),
)


@dataclass(frozen=True)
class NodeConfig:
    """The parameters' values, checked."""

    model: str
    backend: str
    precision: str
    latency_budget_ms: float
    budget_from: str
    publish_late: bool
    operating_point: str
    stall_budgets: int
    cameras: list[str]
    engine_threads: int
    allow_engine_build: bool
    engine_workspace_mb: int
    image_transport: str
    max_megapixels: float
    input_timeout_s: float
    unknown_threshold: float
    opening_px: int
    closing_px: int
    min_region_px: int
    autostart: bool


assert [field.name for field in fields(NodeConfig)] == [row.name for row in PARAMETERS]


def complaint_about(row: Row, value: object) -> str | None:
    """Say in one sentence why `value` can't be; None if it can."""
    if type(value) is not type(row.default):
        hint = f'; write {value}.0' if row.type_name == 'double' and type(value) is int else ''
        return f'parameter {row.name!r} must be a {row.type_name}, not {value!r}{hint}'
    if isinstance(value, list):
        return _complaint_about_names(row.name, value)
    if not row.allowed or value in row.allowed:
        return None
    if isinstance(value, str):
        return f'parameter {row.name!r} must be one of {row.allowed_text}, not {value!r}'
    least, most = row.allowed
    if least <= value <= most:  # type: ignore[operator]
        return None
    return f'parameter {row.name!r} must be {row.allowed_text}, not {value!r}'


def _complaint_about_names(parameter: str, names: list[str]) -> str | None:
    """Say why these names can't go before topics; None if they can."""
    if names == ['']:
        return None
    for name in names:
        if not re.fullmatch('[A-Za-z][A-Za-z0-9_]*', name):
            return (
                f'parameter {parameter!r}: {name!r} is no name for topics; use letters, digits '
                f'and underscores, a letter first'
            )
    if not names or len(set(names)) < len(names):
        return f'parameter {parameter!r} must hold one name or more, each once, not {names!r}'
    return None


def declare_parameters(node: Node, table: tuple[Row, ...] = PARAMETERS) -> None:
    """Declare the table's rows on `node`; RequestError if a value is not allowed.

    A name that is not in the table may be mistyped, and is warned of.
    """
    for row in table:
        _declare(node, row)
    checked_values(node, table)
    overrides = node._parameter_overrides  # noqa: SLF001, rclpy shows them nowhere
    for name in overrides:
        if not node.has_parameter(name) and not name.startswith('qos_overrides'):
            node.get_logger().warning(f'parameter {name!r} is unknown and has no effect')


def _declare(node: Node, row: Row) -> None:
    try:
        node.declare_parameter(row.name, row.default, _descriptor(row))
    except (InvalidParameterTypeException, InvalidParameterValueException) as exc:
        override = node._parameter_overrides.get(row.name)  # noqa: SLF001, rclpy shows it nowhere
        value = None if override is None else override.value
        raise RequestError(complaint_about(row, value) or str(exc)) from exc


def checked_values(node: Node, table: tuple[Row, ...]) -> dict[str, Any]:
    """Read the declared parameters of a table; RequestError names the one that is wrong."""
    values = {row.name: node.get_parameter(row.name).value for row in table}
    for row in table:
        complaint = complaint_about(row, values[row.name])
        if complaint:
            raise RequestError(complaint)
    return values


def config_from_node(node: Node) -> NodeConfig:
    """Read and check the segmentation node's parameters."""
    return NodeConfig(**checked_values(node, PARAMETERS))


def judge_change(parameters: list[Parameter], is_configured: bool) -> SetParametersResult:
    """Accept or refuse a change of parameters, with a reason."""
    rows: Mapping[str, Row] = {row.name: row for row in PARAMETERS}
    for parameter in parameters:
        row = rows.get(parameter.name)
        if row is None:
            continue
        complaint = complaint_about(row, parameter.value)
        if complaint is None and is_configured and not row.is_live:
            complaint = f'{row.name!r} takes effect at configure; clean the node up first'
        if complaint:
            return SetParametersResult(successful=False, reason=complaint)
    return SetParametersResult(successful=True)


def _descriptor(row: Row) -> ParameterDescriptor:
    """Describe a row to tools such as rqt_reconfigure."""
    descriptor = ParameterDescriptor(description=row.description)
    if row.allowed and isinstance(row.default, str):
        descriptor.additional_constraints = f'one of {row.allowed_text}'
    elif row.allowed and isinstance(row.default, float):
        least, most = (float(value) for value in row.allowed)  # type: ignore[arg-type]
        descriptor.floating_point_range = [FloatingPointRange(from_value=least, to_value=most)]
    elif row.allowed:
        least, most = (int(value) for value in row.allowed)  # type: ignore[arg-type]
        descriptor.integer_range = [IntegerRange(from_value=least, to_value=most)]
    return descriptor
