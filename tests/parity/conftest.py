"""Runs our SiamMask on what the original one was given, and holds both against each other."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmdet.checkpoints import convert, load_weights
from mmdet.engine.config import load_config
from mmdet.geometry import polygon_to_box
from mmdet.models.siammask import session as session_module
from mmdet.models.siammask.crops import mean_colour, square_crop
from mmdet.ops.rle import decode
from mmdet.registry import MODELS, register_all
from mmdet.structures import FrameSample, InstanceData

TRACKED_FRAMES = 12  # of the real clip, after the one in which the player is marked
OPTIONS = dict(penalty_k='penalty_k', window_influence='window_influence', lr='lr', seg_thr='mask_threshold')


def _weights(folder: Path, meta: dict, parity_dir: Path) -> dict[str, torch.Tensor]:
    spec = importlib.util.spec_from_file_location('stand_in_weights', parity_dir / 'stand_in_weights.py')
    module: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    keys = [row[:2] for row in json.loads((folder / 'keys.json').read_text())]
    recipe = meta['weights']
    drawn = module.checkpoint(keys, recipe['seed'], recipe['gains'], recipe.get('centred', ()))
    if (folder / 'overrides.npz').exists():
        drawn.update(np.load(folder / 'overrides.npz'))
    return {key: torch.from_numpy(np.asarray(value)) for key, value in drawn.items()}


def rgb(images: np.ndarray) -> torch.Tensor:
    """(..., H, W, 3) BGR to (..., 3, H, W) RGB."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(images[..., ::-1], -1, -3)))


def corner_distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest distance of a corner to the nearest one of the other set, in any axis."""
    return float(np.abs(found[:, None] - expected[None]).max(-1).min(1).max())


class SiamMaskParity:
    """One folder of expected values, and what we compute from its inputs."""

    def __init__(self, folder: Path, parity_dir: Path, repo_root: Path, work: Path) -> None:
        self.meta = json.loads((folder / 'meta.json').read_text())
        self.inputs, self.expected = dict(np.load(folder / 'inputs.npz')), dict(np.load(folder / 'expected.npz'))
        state = _weights(folder, self.meta, parity_dir)
        sharp = any(key.startswith('refine_model.') for key in state)
        torch.save({'state_dict': state}, work / 'original.pth')
        self.report = convert(work / 'original.pth', work / 'ours.safetensors')
        config = load_config(repo_root / f'configs/siammask_{"sharp" if sharp else "base"}_r50_davis.py')
        theirs = self.meta['config']['tracker']
        config.model.test_cfg = {ours: theirs[name] for name, ours in OPTIONS.items()}
        register_all()
        self.config, self.model = config, MODELS.build(config.model).eval()
        load_weights(self.model, work / 'ours.safetensors', require_complete=True)
        self.frames = rgb(self.inputs['frames'])
        self._follow()

    def sample(self, index: int, prompts: InstanceData | None = None) -> FrameSample:
        size = tuple(self.frames.shape[-2:])
        meta = dict(video_id=1, frame_id=index, ori_shape=size, img_shape=size, video_length=-1)
        sample = FrameSample(metainfo=meta)
        if prompts is not None:
            sample.prompts = prompts
        return sample

    def start_box(self) -> tuple[float, ...]:
        region = self.inputs['init_region']
        if len(region) == 8:
            return polygon_to_box(region)
        left, top, width, height = region
        return left, top, left + width, top + height

    def _follow(self) -> None:
        """The whole clip, with everything that is found on the way."""
        self.found: list[Any] = []
        self.tracks: list[InstanceData] = []
        self.states: list[np.ndarray] = []
        plain = session_module.follow

        def recorded(*args: Any) -> Any:
            self.found.append(plain(*args))
            return self.found[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session_module, 'follow', recorded)
            session = self.model.start_video()
            for index, frame in enumerate(self.frames):
                prompts = None
                if index == 0:
                    box = torch.tensor([self.start_box()], dtype=torch.float64)
                    whole = torch.ones(1, *frame.shape[1:], dtype=torch.bool)  # so that nothing is searched in frame 0
                    prompts = InstanceData(bboxes=box, instance_ids=torch.tensor([3]), masks=whole)
                result = session.step(frame[None], [self.sample(index, prompts)])[0]
                if index:
                    self.tracks.append(result.pred_tracks)
                    self.states.append(np.concatenate([session.targets[3].centre, session.targets[3].size]))

    # ---- checks -------------------------------------------------------------------------------------------------

    def check_network(self) -> None:
        pair = [rgb(self.inputs['template_bgr']), rgb(self.inputs['search_bgr'])]
        with torch.no_grad():
            response = self.model([pair], [], mode='tensor')
            template = self.model._stack([pair])[0]
            feature = self.model.neck(self.model.backbone(template)[-1])
            places = torch.from_numpy(self.inputs['mask_positions_row_col']).long()
            cells = torch.cat([torch.zeros(len(places), 1, dtype=torch.int64), places], 1)
            masks = self.model.mask_head.masks(response.correlation, cells)
            pairs = {
                'template_feature': feature,
                'rpn_cls': response.cls,
                'rpn_loc': response.loc,
                'mask_raw_at_positions': masks.flatten(1),
            }
            if 'refined_logits_at_positions' in self.expected:
                count = len(self.expected['refined_logits_at_positions'])
                refined = self.model.refine_head.masks(response.skips, response.correlation, cells[:count])
                pairs['refined_logits_at_positions'] = refined
        features = dict(stage1=response.skips[1], stage2=response.skips[2], search_feature=response.search)
        features |= dict(stage0=response.skips[0], corr_feature=response.correlation)
        for name, maps in features.items():
            if f'{name}_channel_mean' in self.expected:
                pairs[f'{name}_channel_mean'] = maps[0].mean((1, 2))
                pairs[f'{name}_channel_std'] = maps[0].std((1, 2), unbiased=False)
        for name, value in pairs.items():
            expected = self.expected[name]
            np.testing.assert_allclose(value.numpy(), expected, rtol=1e-4, atol=1e-4 * expected.std(), err_msg=name)

    def check_anchors(self) -> None:
        anchors, expected = self.model.anchors, self.expected
        sizes = anchors.sizes().numpy()
        np.testing.assert_allclose(np.concatenate([-sizes / 2, sizes / 2], 1), expected['anchor_corners'], atol=1e-6)
        np.testing.assert_allclose(anchors.grid(25), expected['anchor_grid_cx_cy_w_h'], atol=1e-6)
        np.testing.assert_allclose(anchors.window(25), expected['window'], atol=1e-6)
        training = anchors.grid(25, 127).T.reshape(4, 5, 25, 25)
        np.testing.assert_allclose(training, expected['training_anchor_grid_cx_cy_w_h'], atol=1e-5)

    def check_crops(self) -> None:
        image = np.ascontiguousarray(self.inputs['frames'][0][..., ::-1])
        colour = mean_colour(image)
        assert colour[::-1].tolist() == self.expected['init_mean_color_bgr'].astype(np.uint8).tolist()
        left, top, right, bottom = self.start_box()
        found = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
        np.testing.assert_allclose(found, self.expected['init_center_size'], rtol=1e-9)
        for (x, y, size, side), expected in zip(self.inputs['subwindow_cases'], self.expected['subwindow_crops']):
            crop = square_crop(image, np.array([x, y]), int(side), int(size), colour)[..., ::-1]
            assert np.abs(crop.astype(int) - expected).max() <= 1

    def check_boxes_and_scores(self) -> None:
        expected = self.expected
        where = np.concatenate([expected['track_position'], expected['track_size']], 1)
        np.testing.assert_allclose(np.stack(self.states), where, atol=0.02)
        free = np.stack([np.concatenate([f.centres[0], f.sizes[0]]) for f in self.found])
        np.testing.assert_allclose(free, expected['track_unclamped_cx_cy_w_h'], atol=0.02)
        np.testing.assert_allclose([float(t.scores[0]) for t in self.tracks], expected['track_score'], atol=1e-4)
        assert [int(found.best[0]) for found in self.found] == expected['track_best_index'].tolist()
        x, y, width, height = expected['track_rect_xywh'].T
        bboxes = np.stack([tracks.bboxes[0].numpy() for tracks in self.tracks])
        np.testing.assert_allclose(bboxes, np.stack([x, y, x + width, y + height], 1), atol=0.03)

    def _expected_masks(self, name: str) -> np.ndarray:
        shape = (len(self.tracks), *self.frames.shape[-2:])
        return np.unpackbits(self.expected[name], count=int(np.prod(shape))).reshape(shape).astype(bool)

    def check_masks(self) -> None:
        height, width = self.frames.shape[-2:]
        near = self.expected['track_near_threshold_pixels']
        dense = np.stack([found.masks[0].dense(height, width) for found in self.found])
        ours = np.stack([decode(tracks.masks[0]) for tracks in self.tracks]).astype(bool)
        rest = {'alt_mask_binary': dense > np.float32(self.meta['config']['alt_seg_thr'])}
        for name, masks in {'track_mask_binary': ours, **rest}.items():
            expected = self._expected_masks(name)
            union = (masks | expected).sum((1, 2))
            overlap = (masks & expected).sum((1, 2)) / np.maximum(union, 1)
            flipped = (masks != expected).sum((1, 2))
            assert ((overlap > 0.999) | (flipped <= 3 * near + 20) | (union == 0)).all(), (name, overlap, flipped)
            assert len(masks) == TRACKED_FRAMES and (union > 0).any()
            assert (overlap[union > 0] >= 0.98).all(), (name, overlap)
        difference = np.abs(dense[:, ::7, ::7] - self.expected['track_mask_image_sample'])
        assert (difference > 1e-2).mean() < 1e-2  # positions in the mask are rounded to 1/32 of a cell

    def check_polygons(self) -> None:
        largest, second = self.expected['track_contour_area_top2'].T
        clear = (largest - second) > 0.02 * largest
        assert clear.any()
        for index in np.flatnonzero(clear):
            found, expected = self.tracks[index].rotated_boxes[0].numpy(), self.expected['track_polygon'][index]
            assert corner_distance(found, expected) <= 1, f'frame {index + 1}'

    def check_vos(self) -> None:
        """Several objects in one batch, pixels given to the highest value, against one object after the other."""
        annotation = self.inputs['vos_annotation']
        ids = [int(i) for i in np.unique(annotation) if i]
        masks = torch.from_numpy(np.stack([annotation == i for i in ids]))
        boxes = [[c[1].min(), c[0].min(), c[1].max() + 1, c[0].max() + 1] for c in map(np.nonzero, masks.numpy())]
        prompts = InstanceData(bboxes=torch.tensor(boxes), instance_ids=torch.tensor(ids), masks=masks)
        self.config.model.test_cfg.fuse_masks = True
        fused = MODELS.build(self.config.model).eval()
        fused.load_state_dict(self.model.state_dict())
        count = min(len(self.frames), 8)
        samples = [self.sample(i, prompts if i == 0 else None) for i in range(count)]
        for index, result in enumerate(fused.start_video().step(self.frames[:count], samples)):
            tracks = result.pred_tracks
            assert tracks.instance_ids.tolist() == ids  # the annotation's own; the original counts from 1
            labels = np.zeros(annotation.shape, np.uint8)
            for row, mask in enumerate(tracks.masks):
                labels[decode(mask).astype(bool)] = row + 1
            assert (labels != self.expected['vos_labels'][index]).mean() <= 1e-3, f'frame {index}'


@pytest.fixture(scope='session')
def siammask_parity(
    parity_dir: Path, repo_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], SiamMaskParity]:
    """``siammask_parity(folder)`` runs our model on one folder of expected values."""
    return lambda name: SiamMaskParity(parity_dir / name, parity_dir, repo_root, tmp_path_factory.mktemp(name))
