"""How images get from process to process: the environment that Fast DDS reads when it starts.

Knows the shipped profiles and the names of variables; not ROS itself.
"""

from collections.abc import Mapping

from .paths import share_folder

OLD_VARIABLE, NEW_VARIABLE = 'FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'
"""What names a profile to Fast DDS 2 and 3."""
TRANSPORTS = ('system', 'large_images', 'local')
"""`system` changes nothing; the others choose a shipped profile, `local` also the loopback."""


def transport_environment(transport: str, distribution: str | None) -> Mapping[str, str]:
    """Return the variables that a transport sets, for a ROS distribution (`ROS_DISTRO`).

    Fast DDS 2 (Humble, Jazzy) reads the one name and Fast DDS 3 the other; given both, Kilted
    warns and loads the profile twice. ROS_LOCALHOST_ONLY is left alone: Humble, which alone
    needs it, is kept on the loopback by the profile, and newer distributions warn of it.
    """
    if transport == 'system':
        return {}
    is_old = distribution in ('humble', 'jazzy')
    variable = OLD_VARIABLE if is_old else NEW_VARIABLE
    profile = {variable: str(share_folder() / 'config' / f'fastdds_{transport}.xml')}
    if transport == 'local':
        return {**profile, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    return profile
