"""What a program imports: a model that is ready to run, and a stream of its results on any video."""

from mmdet.apis.inferencer import VideoInferencer
from mmdet.apis.init_model import init_model
from mmdet.apis.prompts import Prompt
from mmdet.apis.source import open_source

__all__ = ['Prompt', 'VideoInferencer', 'init_model', 'open_source']
