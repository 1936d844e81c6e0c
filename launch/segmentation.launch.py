"""Start the node `segmentation`: its topics, parameters and transport by launch arguments.

Knows names and files; not what the node does with them.
"""

from collections.abc import Sequence
import os
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from unet_perception.core.transport import TRANSPORTS, transport_environment

PACKAGE = 'unet_perception'
CONFIG = Path(get_package_share_directory(PACKAGE)) / 'config'

LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')

ARGUMENTS = (
    DeclareLaunchArgument(
        'namespace', default_value='', description='Namespace of the node and of its topics'
    ),
    DeclareLaunchArgument(
        'params_file',
        default_value=str(CONFIG / 'lane.yaml'),
        description='Parameter file; the default one explains every parameter, and '
        'config/grasp.yaml is for grasping',
    ),
    DeclareLaunchArgument(
        'image_topic',
        default_value='image',
        description='Image topic of the camera; with the parameter image_transport: compressed, '
        'its sub-topic /compressed is subscribed to',
    ),
    DeclareLaunchArgument(
        'camera_info_topic',
        default_value='camera_info',
        description='CameraInfo topic of the camera; may be silent',
    ),
    DeclareLaunchArgument(
        'model',
        default_value='',
        description='Name of a shipped model, or path of a model folder; empty: as in params_file',
    ),
    DeclareLaunchArgument(
        'backend',
        default_value='',
        description='Inference backend: auto, tensorrt, openvino or onnxruntime; empty: as in '
        'params_file',
    ),
    DeclareLaunchArgument(
        'autostart',
        default_value='true',
        description='Configure and activate at start; with false, a lifecycle manager or '
        '`ros2 lifecycle set` does it',
    ),
    DeclareLaunchArgument(
        'use_sim_time',
        default_value='false',
        description='Take the time from /clock (simulation, bag replay)',
    ),
    DeclareLaunchArgument(
        'transport',
        default_value='system',
        choices=list(TRANSPORTS),
        description='system: the middleware settings of this shell; large_images: Fast DDS with '
        'shared memory for images up to 4K and normal UDP (start the camera driver with the same '
        'profile; see config/fastdds_large_images.xml); local: up to 1080p, this machine only',
    ),
    DeclareLaunchArgument(
        'log_level',
        default_value='info',
        choices=list(LOG_LEVELS),
        description='Least severity that the node logs',
    ),
)


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the node."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[GroupAction]:
    """Start the node in a scope of its own: what includes this file keeps its environment."""
    transport = LaunchConfiguration('transport').perform(context)
    return [GroupAction([*transport_actions(transport), segmentation_node(context)], scoped=True)]


def transport_actions(transport: str) -> list[SetEnvironmentVariable]:
    """Return the actions that choose a transport for the nodes started after them."""
    variables = transport_environment(transport, os.environ.get('ROS_DISTRO'))
    return [SetEnvironmentVariable(*variable) for variable in variables.items()]


def segmentation_node(context: LaunchContext, cameras: Sequence[str] = ()) -> Node:
    """Describe the node; `cameras` names those that share it, if there are several.

    It is a lifecycle node that configures and activates itself, so a plain `Node` does.
    `LifecycleNode` would add events that nobody sends here, and for them a ROS node inside
    `ros2 launch` itself, out of reach of the transport chosen for this scope.
    """
    return Node(
        package=PACKAGE,
        executable='segmentation_node',
        name='segmentation',
        namespace=LaunchConfiguration('namespace'),
        parameters=[
            params_file(context),
            {**overrides(context), **({'cameras': list(cameras)} if cameras else {})},
        ],
        remappings=[pair for camera in cameras or [''] for pair in camera_remappings(camera)],
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        output='screen',
    )


def camera_remappings(camera: str = '') -> list[tuple[str, Any]]:
    """Return where the camera's topics are; a name goes before all of them."""
    prefix = [f'{camera}/'] if camera else []
    image, info = (
        [*prefix, LaunchConfiguration(name)] for name in ('image_topic', 'camera_info_topic')
    )
    remappings = {'image': image, 'image/compressed': [*image, '/compressed'], 'camera_info': info}
    return [(''.join([*prefix, name]), target) for name, target in remappings.items()]


def params_file(context: LaunchContext) -> str:
    """Return the parameter file; launch itself only warns if there is none."""
    file_name = LaunchConfiguration('params_file').perform(context)
    if not Path(file_name).is_file():
        raise RuntimeError(f'params_file {file_name!r} is not a file')
    return file_name


def overrides(context: LaunchContext) -> dict[str, ParameterValue]:
    """Return the parameters that arguments set; an empty one leaves the file's value."""
    texts = {name: LaunchConfiguration(name).perform(context) for name in ('model', 'backend')}
    flags = {name: LaunchConfiguration(name) for name in ('autostart', 'use_sim_time')}
    return {
        **{name: ParameterValue(text, value_type=str) for name, text in texts.items() if text},
        **{name: ParameterValue(flag, value_type=bool) for name, flag in flags.items()},
    }
