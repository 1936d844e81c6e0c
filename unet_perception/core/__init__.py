"""What a frame goes through, in order; knows numpy and OpenCV, not ROS, not torch, no engine."""
