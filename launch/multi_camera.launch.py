"""Start one node, with one engine, for several cameras.

Knows how camera names become topics; how the node starts is in `segmentation.launch.py`.
"""

from pathlib import Path
from runpy import run_path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, OpaqueFunction
from launch.substitutions import LaunchConfiguration

# The file's name is none that `import` can take.
SHARED = run_path(
    str(Path(get_package_share_directory('unet_perception')) / 'launch' / 'segmentation.launch.py')
)
TOPICS = {
    'image_topic': ('image_raw', 'Image topic of each camera, below its name'),
    'camera_info_topic': ('camera_info', 'CameraInfo topic of each camera, below its name'),
}
ARGUMENTS = (
    DeclareLaunchArgument(
        'cameras',
        default_value='front,left',
        description='Names of the cameras, with commas between; NAME/image_raw is segmented as '
        'NAME/segmentation/mask',
    ),
    *(
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in TOPICS.items()
    ),
    *(argument for argument in SHARED['ARGUMENTS'] if argument.name not in TOPICS),
)


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the node."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[GroupAction]:
    """Start the node in a scope of its own, as `segmentation.launch.py` does."""
    transport = LaunchConfiguration('transport').perform(context)
    names = LaunchConfiguration('cameras').perform(context).split(',')
    node = SHARED['segmentation_node'](context, [name.strip() for name in names])
    return [GroupAction([*SHARED['transport_actions'](transport), node], scoped=True)]
