"""From images and masks to a checkpoint; knows torch, not the runtime that will serve it."""
