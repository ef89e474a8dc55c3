"""Necks: backbone maps in, a pyramid of equal channels out."""

from mmdet.models.necks.fpn import FPN

__all__ = ['FPN']
