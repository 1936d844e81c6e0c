"""Installs the package, and its launch files, configuration, models and footage to share/."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = 'unet_perception'
SHARED = ('launch', 'config', 'models', 'examples')


def shared_files():
    """List what goes to share/, by folder."""
    yield 'share/ament_index/resource_index/packages', [f'resource/{NAME}']
    yield f'share/{NAME}', ['package.xml']
    for top in SHARED:
        for folder in sorted({f.parent for f in Path(top).rglob('*') if f.is_file()}):
            if folder.name != '__pycache__':
                files = sorted(str(f) for f in folder.iterdir() if f.is_file())
                yield f'share/{NAME}/{folder}', files


setup(
    name=NAME,
    version='0.1.0',
    description='U-Net masks with confidence for robots: camera images in, masks out.',
    license='Apache-2.0',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['py.typed']},
    data_files=list(shared_files()),
    python_requires='>=3.10',
    install_requires=[
        'matplotlib',
        'numpy',
        'opencv-python-headless',
        'openvino',
        'PyYAML',
        'tqdm',
    ],
    extras_require={
        'train': [
            'kornia',
            'mujoco',
            'onnx',
            'onnxruntime',
            'safetensors',
            'tensorboard',
            'torch',
        ],
    },
    entry_points={
        'console_scripts': [
            'unet_perception = unet_perception.cli.main:main',
            'segmentation_node = unet_perception.ros.node:main',
            'camera_player = unet_perception.ros.camera_player:main',
        ],
    },
    zip_safe=True,
)
