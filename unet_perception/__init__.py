"""U-Net masks for robots: on time, with confidence, over ROS 2."""

__version__ = '0.1.0'
