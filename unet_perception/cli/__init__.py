"""The command `unet_perception`: one file a verb, imported only when it is asked for."""
