"""The launch files start what they promise, and what they point to is as they say."""

from collections.abc import Iterator
import os
from pathlib import Path
import shutil
import sys
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from launch_stub import SHARE, LaunchedNode, arguments_of, launched
from unet_perception.ros.parameters import PARAMETERS, Row, complaint_about

CONFIG = SHARE / 'config'
LAUNCH_FILES = ('segmentation.launch.py', 'demo.launch.py', 'multi_camera.launch.py')
EXECUTABLES = {'segmentation_node': 'node', 'camera_player': 'camera_player'}
BYTES_OF_4K, BYTES_OF_1080P = 3840 * 2160 * 3, 1920 * 1080 * 3
LARGEST_UDP_MESSAGE = 65500


def the_node(**arguments: str) -> LaunchedNode:
    (node,) = launched('segmentation.launch.py', **arguments).nodes
    return node


def both_nodes(**arguments: str) -> tuple[LaunchedNode, LaunchedNode]:
    player, node = launched('demo.launch.py', **arguments).nodes
    return player, node


class TestSegmentation:
    def test_without_arguments_the_node_starts_itself_with_the_shipped_parameters(self) -> None:
        node = the_node()
        assert (node.executable, node.name, node.namespace) == (
            'segmentation_node',
            'segmentation',
            '',
        )
        file, overrides = node.parameters
        assert file == str(CONFIG / 'lane.yaml')
        assert overrides == {'autostart': True, 'use_sim_time': False}

    def test_a_named_model_and_backend_go_before_the_parameter_file(self) -> None:
        _, overrides = the_node(model='2024', backend='openvino').parameters
        assert (overrides['model'], overrides['backend']) == ('2024', 'openvino')

    def test_flags_reach_the_node_as_booleans(self) -> None:
        _, overrides = the_node(autostart='false', use_sim_time='True').parameters
        assert overrides == {'autostart': False, 'use_sim_time': True}

    def test_another_parameter_file_takes_the_place_of_the_shipped_one(
        self, tmp_path: Path
    ) -> None:
        mine = tmp_path / 'mine.yaml'
        mine.touch()
        assert the_node(params_file=str(mine)).parameters[0] == str(mine)

    def test_a_parameter_file_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(RuntimeError, match=r"params_file '/none.yaml' is not a file"):
            the_node(params_file='/none.yaml')

    def test_raw_and_compressed_images_come_from_the_named_topic(self) -> None:
        node = the_node(image_topic='/cam/image_raw', camera_info_topic='/cam/camera_info')
        assert node.remappings == {
            'image': '/cam/image_raw',
            'image/compressed': '/cam/image_raw/compressed',
            'camera_info': '/cam/camera_info',
        }

    def test_namespace_and_log_level_reach_the_node(self) -> None:
        node = the_node(namespace='front', log_level='debug')
        assert node.namespace == 'front'
        assert node.ros_arguments == ['--log-level', 'debug']


class TestMultiCamera:
    def test_one_node_serves_all_cameras_each_below_its_name(self) -> None:
        (node,) = launched('multi_camera.launch.py', cameras='front, left').nodes
        assert node.parameters[1]['cameras'] == ['front', 'left']
        assert node.parameters[1]['autostart'] is True
        assert node.remappings == {
            'front/image': 'front/image_raw',
            'front/image/compressed': 'front/image_raw/compressed',
            'front/camera_info': 'front/camera_info',
            'left/image': 'left/image_raw',
            'left/image/compressed': 'left/image_raw/compressed',
            'left/camera_info': 'left/camera_info',
        }

    def test_other_topics_and_parameters_are_arguments_as_for_one_camera(self) -> None:
        arguments = {'image_topic': 'rgb', 'namespace': 'robot', 'transport': 'local'}
        (node,) = launched('multi_camera.launch.py', cameras='a', **arguments).nodes
        assert (node.remappings['a/image'], node.namespace) == ('a/rgb', 'robot')
        assert node.environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


class TestTransport:
    def test_system_changes_nothing(self) -> None:
        assert the_node(transport='system').environment == {}

    @pytest.mark.parametrize('distribution', ['humble', 'jazzy'])
    def test_older_distributions_get_the_older_variable(
        self, distribution: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv('ROS_DISTRO', distribution)
        assert the_node(transport='large_images').environment == {
            'FASTRTPS_DEFAULT_PROFILES_FILE': str(CONFIG / 'fastdds_large_images.xml')
        }

    @pytest.mark.parametrize('distribution', ['kilted', 'rolling', ''])
    def test_newer_distributions_get_the_newer_variable(
        self, distribution: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv('ROS_DISTRO', distribution)
        assert the_node(transport='local').environment == {
            'FASTDDS_DEFAULT_PROFILES_FILE': str(CONFIG / 'fastdds_local.xml'),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        }

    @pytest.mark.parametrize('file_name', LAUNCH_FILES)
    def test_an_including_launch_file_keeps_its_environment(self, file_name: str) -> None:
        context = launched(file_name, transport='local')
        assert context.environment == {}

    @pytest.mark.parametrize('file_name', LAUNCH_FILES)
    def test_an_unknown_transport_is_refused(self, file_name: str) -> None:
        with pytest.raises(RuntimeError, match='transport'):
            launched(file_name, transport='pigeon')


class TestDemo:
    def test_plays_the_shipped_clip_for_ever_to_the_node_that_starts_itself(self) -> None:
        player, node = both_nodes()
        assert (player.executable, player.name) == ('camera_player', 'camera_player')
        (played,) = player.parameters
        assert played == {'source': '', 'rate': 25.0, 'loop': True, 'use_sim_time': False}
        assert node.executable == 'segmentation_node'
        assert node.parameters[1]['autostart'] is True
        assert node.remappings['image'] == 'image'

    def test_both_nodes_meet_on_this_machine_only(self) -> None:
        player, node = both_nodes()
        assert player.environment == node.environment
        assert player.environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'

    def test_arguments_reach_both_nodes(self) -> None:
        player, node = both_nodes(
            source='clip.mp4',
            rate='5',
            model='mine',
            namespace='left',
            transport='system',
            image_topic='seen',
            use_sim_time='true',
            autostart='false',
        )
        (played,) = player.parameters
        assert (played['source'], played['rate'], played['use_sim_time']) == (
            'clip.mp4',
            5.0,
            True,
        )
        assert player.remappings == node.remappings
        assert player.remappings['image/compressed'] == 'seen/compressed'
        assert node.parameters[1]['model'] == 'mine'
        assert node.parameters[1]['autostart'] is False
        assert {player.namespace, node.namespace} == {'left'}
        assert player.environment == node.environment == {}


@pytest.mark.parametrize('file_name', LAUNCH_FILES)
def test_every_argument_is_described(file_name: str) -> None:
    assert all(argument.description for argument in arguments_of(file_name).values())


class TestParameterFile:
    file = CONFIG / 'lane.yaml'
    values = yaml.safe_load(file.read_text())['/**']['ros__parameters']

    def comment_above(self, name: str) -> str:
        lines = self.file.read_text().split(f'\n    {name}: ')[0].split('\n')
        first = max(i for i, line in enumerate(lines) if not line.lstrip().startswith('#')) + 1
        return ' '.join(line.lstrip().removeprefix('# ') for line in lines[first:])

    def test_holds_the_parameters_of_the_table_and_no_others(self) -> None:
        assert list(self.values) == [row.name for row in PARAMETERS]

    @pytest.mark.parametrize('row', PARAMETERS, ids=lambda row: row.name)
    def test_a_value_is_one_that_the_node_accepts(self, row: Row) -> None:
        assert complaint_about(row, self.values[row.name]) is None

    @pytest.mark.parametrize('row', PARAMETERS, ids=lambda row: row.name)
    def test_a_comment_says_what_it_does_what_it_may_be_and_when_it_takes_effect(
        self, row: Row
    ) -> None:
        comment = self.comment_above(row.name)
        assert comment.startswith(f'{row.description}. {row.type_name}')
        assert row.allowed_text in comment or not row.allowed
        assert ('Takes effect at once' in comment) == row.is_live


def test_the_file_for_grasping_holds_values_that_the_node_accepts() -> None:
    values = yaml.safe_load((CONFIG / 'grasp.yaml').read_text())['/**']['ros__parameters']
    rows = {row.name: row for row in PARAMETERS}
    assert values['model'] == 'grasp'
    assert [complaint_about(rows[name], value) for name, value in values.items()] == [None] * 2


class TestProfiles:
    def only(self, file_name: str, tag: str) -> str:
        (text,) = (e.text for e in ET.parse(CONFIG / file_name).iter() if tag in e.tag)
        return text

    @pytest.mark.parametrize(
        ('file_name', 'image'),
        [('fastdds_large_images.xml', BYTES_OF_4K), ('fastdds_local.xml', BYTES_OF_1080P)],
    )
    def test_two_images_fit_the_segment_and_the_queue(self, file_name: str, image: int) -> None:
        assert int(self.only(file_name, 'segment_size')) >= 2 * image
        assert int(self.only(file_name, 'port_queue_capacity')) * LARGEST_UDP_MESSAGE >= 2 * image

    def test_three_local_processes_fit_the_shared_memory_of_a_container(self) -> None:
        assert 3 * int(self.only('fastdds_local.xml', 'segment_size')) < 64e6

    def test_only_the_local_profile_keeps_to_the_loopback(self) -> None:
        assert self.only('fastdds_local.xml', 'address') == '127.0.0.1'
        assert 'interfaceWhiteList' not in (CONFIG / 'fastdds_large_images.xml').read_text()


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an install prefix made from this source tree, first in the ament index."""
    index = tmp_path / 'share' / 'ament_index' / 'resource_index' / 'packages'
    executables = tmp_path / 'lib' / 'unet_perception'
    for folder in (index, executables):
        folder.mkdir(parents=True)
    (index / 'unet_perception').touch()
    for folder in ('config', 'launch'):
        shutil.copytree(SHARE / folder, tmp_path / 'share' / 'unet_perception' / folder)
    for name, module in EXECUTABLES.items():
        script = executables / name
        script.write_text(
            f'#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(SHARE)!r})\n'
            f'from unet_perception.ros.{module} import main\nsys.exit(main())\n'
        )
        script.chmod(0o755)
    others = os.environ.get('AMENT_PREFIX_PATH', '')
    monkeypatch.setenv('AMENT_PREFIX_PATH', os.pathsep.join(filter(None, [str(tmp_path), others])))
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'log'))
    return tmp_path


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Keep the launched nodes apart from all others on this machine."""
    from domain_coordinator import domain_id

    with domain_id() as number:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(number))
        monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        yield number


def really_launched(path: Path, awaited: set[str], **arguments: str) -> SimpleNamespace:
    """Launch `path` with the real launch until every awaited text was printed; then shut down."""
    actions = pytest.importorskip('launch.actions', reason='needs launch (a ROS distribution)')
    handlers = pytest.importorskip('launch.event_handlers')
    pytest.importorskip('launch_ros', reason='needs launch_ros (a ROS distribution)')
    from launch import LaunchDescription, LaunchService

    seen = SimpleNamespace(text='', environments={}, exit_codes={})

    def on_output(event: Any) -> Any:
        seen.text += event.text.decode()
        return actions.Shutdown() if all(text in seen.text for text in awaited) else None

    def on_start(event: Any, context: Any) -> None:
        seen.environments[Path(event.cmd[0]).name] = event.env

    def on_exit(event: Any, context: Any) -> Any:
        seen.exit_codes[Path(event.cmd[0]).name] = event.returncode
        return actions.Shutdown()

    service = LaunchService(noninteractive=True)
    service.include_launch_description(
        LaunchDescription(
            [
                actions.RegisterEventHandler(
                    handlers.OnProcessIO(on_stdout=on_output, on_stderr=on_output)
                ),
                actions.RegisterEventHandler(handlers.OnProcessStart(on_start=on_start)),
                actions.RegisterEventHandler(handlers.OnProcessExit(on_exit=on_exit)),
                actions.IncludeLaunchDescription(str(path), launch_arguments=arguments.items()),
            ]
        )
    )
    service.run()
    return seen


class TestRealLaunch:
    def test_segmentation_becomes_active_and_stops_when_told(
        self, prefix: Path, domain: int
    ) -> None:
        file = prefix / 'share' / 'unet_perception' / 'launch' / 'segmentation.launch.py'
        seen = really_launched(file, {'now active'}, transport='large_images')
        assert 'now active' in seen.text
        assert seen.exit_codes == {'segmentation_node': 0}

    def test_several_cameras_share_a_node(self, prefix: Path, domain: int) -> None:
        file = prefix / 'share' / 'unet_perception' / 'launch' / 'multi_camera.launch.py'
        seen = really_launched(file, {'now active'}, cameras='front,left,right', transport='local')
        assert seen.exit_codes == {'segmentation_node': 0}

    def test_demo_plays_to_an_active_node_by_one_transport(
        self, prefix: Path, domain: int
    ) -> None:
        outside = dict(os.environ)
        file = prefix / 'share' / 'unet_perception' / 'launch' / 'demo.launch.py'
        seen = really_launched(file, {'now active', 'playing'})
        assert seen.exit_codes == {'segmentation_node': 0, 'camera_player': 0}
        assert seen.environments['segmentation_node'] == seen.environments['camera_player']
        assert 'fastdds_local.xml' in str(seen.environments['camera_player'].values())
        assert dict(os.environ) == outside
