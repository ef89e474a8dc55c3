"""The small SiamMask on real video: half of its pairs from a handful of real clips, half from procedural videos.

It starts from the weights of siammask_base_r18_shapes.py. Clips in YouTube-VIS layout are expected in data/real_clips
(annotations/instances.json and JPEGImages/); for another folder give
`--cfg-options train_dataloader.dataset.sources.1.data.data_root=D`. A handful of clips teaches too little about the
world to follow anything anywhere: this is to see the whole path on real video, in minutes on a CPU.

    python tools/train.py configs/siammask_base_r18_realclips.py --gpus 2
    python tools/train.py configs/siammask_sharp_r18_realclips.py --gpus 2
    python demo/sot_demo.py VIDEO configs/siammask_sharp_r18_realclips.py \
        --checkpoint work_dirs/siammask_sharp_r18_realclips/last.safetensors --init-box x,y,w,h --out followed.mp4
"""

_base_ = './siammask_base_r18_shapes.py'

load_from = 'work_dirs/siammask_base_r18_shapes/last.safetensors'

# ---------------------------------------------------------------- data
train_dataloader = dict(
    dataset=dict(
        num_pairs=16000,
        augmentation=dict(search_blur=0.18, gray=0.25),
        sources=[
            dict(
                data=dict(
                    type='YouTubeVISDataset',
                    data_root='data/shapes/',
                    ann_file='annotations/train.json',
                    img_prefix='train/JPEGImages',
                ),
                frame_range=8,
                num_use=300,
                min_area=100,
            ),
            dict(
                data=dict(
                    type='YouTubeVISDataset',
                    data_root='data/real_clips/',
                    ann_file='annotations/instances.json',
                    img_prefix='JPEGImages',
                ),
                frame_range=20,
                num_use=300,
                min_area=300,
            ),
        ],
    )
)

# ---------------------------------------------------------------- schedule
train_cfg = dict(max_iters=1000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=1000, eta_min=0.00001),
]
