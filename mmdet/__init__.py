"""Video instance segmentation and mask tracking, wired by config files.

Importing the package registers nothing by itself; :func:`mmdet.registry.register_all` imports every room that
holds registered classes; training, testing, :func:`mmdet.apis.init_model` and ``print_config`` call it.
"""

__version__ = '0.1.0'
