"""A recording stand-in for `launch` and `launch_ros`: runs a launch file, starts nothing.

Knows as much of launch's semantics as this package's launch files use (arguments and choices,
scopes, includes, typed parameters); not conditions, events or processes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from runpy import run_path
import sys
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

import yaml

SHARE = Path(__file__).resolve().parents[2]


class LaunchedNode(NamedTuple):
    """What one `Node` would have been started with."""

    executable: str
    name: str
    namespace: str
    parameters: list[str | dict[str, Any]]
    remappings: dict[str, str]
    ros_arguments: list[str]
    environment: dict[str, str]


class Context:
    """Launch configurations and environment of the current scope, and the nodes so far."""

    def __init__(self, configurations: Mapping[str, str]) -> None:
        self.configurations = dict(configurations)
        self.environment: dict[str, str] = {}
        self.nodes: list[LaunchedNode] = []

    def text(self, value: Any) -> str:
        """Perform a substitution, or a list of them."""
        if isinstance(value, list | tuple):
            return ''.join(self.text(part) for part in value)
        return value.perform(self) if hasattr(value, 'perform') else str(value)

    def parameters(self, part: Any) -> str | dict[str, Any]:
        """Perform one element of a node's `parameters`: a file or a dictionary."""
        if not isinstance(part, dict):
            return self.text(part)
        return {
            name: value.evaluate(self) if hasattr(value, 'evaluate') else value
            for name, value in part.items()
        }


class LaunchConfiguration:
    """The value of an argument."""

    def __init__(self, name: str) -> None:
        self.name = name

    def perform(self, context: Context) -> str:
        return context.configurations[self.name]


class ParameterValue:
    """A parameter's value of a certain type, read from text as YAML."""

    def __init__(self, value: Any, *, value_type: type) -> None:
        self.value, self.value_type = value, value_type

    def evaluate(self, context: Context) -> Any:
        text = context.text(self.value)
        if self.value_type is str:
            return text
        value = float(text) if self.value_type is float else yaml.safe_load(text)
        assert type(value) is self.value_type, f'{text!r} is not a {self.value_type.__name__}'
        return value


class LaunchDescription:
    """Actions, run one after the other."""

    def __init__(self, entities: list[Any]) -> None:
        self.entities = entities

    def run(self, context: Context) -> None:
        for entity in self.entities:
            entity.run(context)


class DeclareLaunchArgument:
    """An argument: its default, unless it was given, and its choices."""

    def __init__(
        self, name: str, *, default_value: str, description: str, choices: list[str] | None = None
    ) -> None:
        self.name, self.default_value, self.description = name, default_value, description
        self.choices = choices

    def run(self, context: Context) -> None:
        value = context.configurations.setdefault(self.name, self.default_value)
        if self.choices is not None and value not in self.choices:
            raise RuntimeError(f'{self.name}: {value!r} is none of {self.choices}')


class SetEnvironmentVariable:
    """Set a variable for the nodes that follow."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value

    def run(self, context: Context) -> None:
        context.environment[self.name] = self.value


class OpaqueFunction:
    """Run the actions that a function returns."""

    def __init__(self, *, function: Callable[[Context], list[Any]]) -> None:
        self.function = function

    def run(self, context: Context) -> None:
        LaunchDescription(self.function(context)).run(context)


class GroupAction:
    """Run actions; with `scoped`, what they set ends with the group."""

    def __init__(self, actions: list[Any], *, scoped: bool) -> None:
        self.actions, self.scoped = actions, scoped

    def run(self, context: Context) -> None:
        outside = dict(context.configurations), dict(context.environment)
        LaunchDescription(self.actions).run(context)
        if self.scoped:
            context.configurations, context.environment = outside


class IncludeLaunchDescription:
    """Run another launch file with arguments, in the scope of this one."""

    def __init__(self, source: str, *, launch_arguments: list[tuple[str, Any]]) -> None:
        self.source, self.arguments = source, launch_arguments

    def run(self, context: Context) -> None:
        context.configurations |= {name: context.text(value) for name, value in self.arguments}
        run_path(self.source)['generate_launch_description']().run(context)


class Node:
    """Record a node instead of starting it."""

    def __init__(
        self,
        *,
        package: str,
        executable: str,
        name: str,
        namespace: Any,
        parameters: list[Any],
        remappings: Sequence[tuple[str, Any]] = (),
        ros_arguments: Sequence[Any] = (),
        output: str,
    ) -> None:
        assert (package, output) == ('unet_perception', 'screen')
        self.executable, self.name, self.namespace = executable, name, namespace
        self.parameters, self.remappings = parameters, remappings
        self.ros_arguments = ros_arguments

    def run(self, context: Context) -> None:
        context.nodes.append(
            LaunchedNode(
                self.executable,
                self.name,
                context.text(self.namespace),
                [context.parameters(part) for part in self.parameters],
                {old: context.text(new) for old, new in self.remappings},
                [context.text(part) for part in self.ros_arguments],
                dict(context.environment),
            )
        )


MODULES: dict[str, dict[str, Any]] = {
    'ament_index_python.packages': {'get_package_share_directory': lambda package: str(SHARE)},
    'launch': {'LaunchContext': Context, 'LaunchDescription': LaunchDescription},
    'launch.actions': {
        action.__name__: action
        for action in (
            DeclareLaunchArgument,
            GroupAction,
            IncludeLaunchDescription,
            OpaqueFunction,
            SetEnvironmentVariable,
        )
    },
    'launch.launch_description_sources': {'PythonLaunchDescriptionSource': str},
    'launch.substitutions': {'LaunchConfiguration': LaunchConfiguration},
    'launch_ros.actions': {'Node': Node},
    'launch_ros.parameter_descriptions': {'ParameterValue': ParameterValue},
}


@contextmanager
def stubbed() -> Iterator[None]:
    """Put the stub in the place of the real modules for a while."""
    modules = {name.partition('.')[0]: ModuleType(name.partition('.')[0]) for name in MODULES}
    for name, contents in MODULES.items():
        modules.setdefault(name, ModuleType(name)).__dict__.update(contents)
    with patch.dict(sys.modules, modules):
        yield


def launched(file_name: str, **arguments: str) -> Context:
    """Run a launch file of this package; return what it would have started."""
    context = Context(arguments)
    with stubbed():
        description = run_path(str(SHARE / 'launch' / file_name))['generate_launch_description']()
        description.run(context)
    return context


def arguments_of(file_name: str) -> dict[str, DeclareLaunchArgument]:
    """Return the arguments that a launch file declares."""
    with stubbed():
        description = run_path(str(SHARE / 'launch' / file_name))['generate_launch_description']()
    return {e.name: e for e in description.entities if isinstance(e, DeclareLaunchArgument)}
