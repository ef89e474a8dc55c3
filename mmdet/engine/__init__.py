"""Config loading, training, testing and what the command line tools share.

Import from the modules directly (``from mmdet.engine.cli import run``): this package itself imports nothing, so a tool
loads only what it needs.
"""
