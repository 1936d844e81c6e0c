"""Show the node at work without a camera: a played clip and the node, on this machine only.

Knows which nodes the demo has; how the node starts is in `segmentation.launch.py`.
"""

from pathlib import Path
from runpy import run_path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from unet_perception.core.transport import TRANSPORTS

PACKAGE = 'unet_perception'
SEGMENTATION = str(
    Path(get_package_share_directory(PACKAGE)) / 'launch' / 'segmentation.launch.py'
)
# The file's name is none that `import` can take.
SHARED = run_path(SEGMENTATION)
ARGUMENTS = (
    DeclareLaunchArgument(
        'source',
        default_value='',
        description='Video file or folder of images to play; empty: the shipped highway clip',
    ),
    DeclareLaunchArgument('rate', default_value='25.0', description='Images a second'),
    DeclareLaunchArgument(
        'transport',
        default_value='local',
        choices=list(TRANSPORTS),
        description='Transport of both nodes, as in segmentation.launch.py; local: this machine '
        'only, through shared memory',
    ),
    *(argument for argument in SHARED['ARGUMENTS'] if argument.name != 'transport'),
)
FORWARDED = tuple(argument.name for argument in SHARED['ARGUMENTS'])


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start both nodes."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[GroupAction]:
    """Start both nodes in one scope, so that they meet by the same transport."""
    transport = LaunchConfiguration('transport').perform(context)
    nodes = [camera_player(), segmentation()]
    return [GroupAction([*SHARED['transport_actions'](transport), *nodes], scoped=True)]


def camera_player() -> Node:
    """Describe the node that plays the clip as `image` and `camera_info`, again and again."""
    return Node(
        package=PACKAGE,
        executable='camera_player',
        name='camera_player',
        namespace=LaunchConfiguration('namespace'),
        parameters=[
            {
                'source': ParameterValue(LaunchConfiguration('source'), value_type=str),
                'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
                'loop': True,
                'use_sim_time': ParameterValue(
                    LaunchConfiguration('use_sim_time'), value_type=bool
                ),
            }
        ],
        remappings=SHARED['camera_remappings'](),
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        output='screen',
    )


def segmentation() -> IncludeLaunchDescription:
    """Include the node, with the arguments that both launch files have."""
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(SEGMENTATION),
        launch_arguments=[(name, LaunchConfiguration(name)) for name in FORWARDED],
    )
