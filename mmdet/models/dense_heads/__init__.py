"""Dense heads: feature maps in; proposals, or pixels gathered into instances, out."""

from mmdet.models.dense_heads.anchors import AnchorGenerator
from mmdet.models.dense_heads.embedding_clusterer import Clusters, EmbeddingClusterer
from mmdet.models.dense_heads.rpn_head import RPNHead

__all__ = ['AnchorGenerator', 'Clusters', 'EmbeddingClusterer', 'RPNHead']
