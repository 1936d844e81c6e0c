"""The adapter to ROS 2: the only place that knows rclpy and message types."""
