# The same network tested on DAVIS 2016, where all that is annotated in a sequence is one object.
_base_ = './siammask_sharp_r50_davis.py'

# ---------------------------------------------------------------- data
test_dataloader = dict(dataset=dict(ann_file='ImageSets/2016/val.txt', merge_objects=True))
