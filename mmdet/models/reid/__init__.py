"""Re-identification: image crops in, one unit vector per crop out; the network that is trained, and its parts."""

from mmdet.models.reid.crops import resize_crops
from mmdet.models.reid.deepsort_net import DeepSORTNet, DeepSORTNet128
from mmdet.models.reid.embedder import ReIDEmbedder
from mmdet.models.reid.reid_net import ReIDNet
from mmdet.models.reid.torchvision_net import TorchvisionNet

__all__ = ['DeepSORTNet', 'DeepSORTNet128', 'ReIDEmbedder', 'ReIDNet', 'TorchvisionNet', 'resize_crops']
