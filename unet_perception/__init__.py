"""U-Net masks with confidence for robots, over ROS 2."""

__version__ = '0.1.0'
