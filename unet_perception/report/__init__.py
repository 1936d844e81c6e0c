"""One HTML and plot kit for every report; knows arrays and numbers, not ROS, torch or engines."""
