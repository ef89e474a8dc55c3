"""Whether the slots of a model fit together, checked when it is built.

Slots say what they need with the words of :data:`EXPLANATIONS`. ``pyramid`` and ``masks`` come from the detector
(``provides``), ``embeddings`` from any track head, or
from detections that were stored with them; ``frames`` (the clip's 8-bit frames) are always there for heads,
because the session that streams a video has them.
"""

from __future__ import annotations

from typing import Any

from mmdet.errors import IncompatibleSlotsError

EXPLANATIONS = {
    'pyramid': 'features of a pyramid (MaskRCNN has them; a detector that reads results from files does not; '
    'ReIDTrackHead looks at image crops instead)',
    'masks': 'instance masks (give the detector a mask head, or use a tracker that needs boxes only)',
    'embeddings': 'one embedding per detection (add a track head: MaskTrackHead, or ReIDTrackHead or PointTrackHead on '
    'any detector; or take detections that were stored with them)',
    'frames': "the clip's 8-bit frames (heads see them, trackers do not)",
}


def check_slots(detector: Any, calibration_head: Any, track_head: Any, tracker: Any) -> None:
    """Compare what each slot requires with what the slots before it provide.

    Raises:
        IncompatibleSlotsError: naming both classes, what is missing and what fits.
    """
    provided = set(detector.provides)
    for head in (calibration_head, track_head):
        _require(head, provided | {'frames'}, f'{type(detector).__name__} detector')
    if track_head is not None:
        provided.add('embeddings')
    before = f'{type(detector).__name__} detector' + (f' and {type(track_head).__name__}' if track_head else '')
    _require(tracker, provided, before)
    if track_head is not None and tracker is None:
        raise IncompatibleSlotsError(
            f'{type(track_head).__name__} computes embeddings that nothing uses: add a tracker such as '
            'MaskTrackTracker, or leave the track head out'
        )


def _require(slot: Any, provided: set[str], before: str) -> None:
    if slot is None:
        return
    for word in sorted(slot.requires - provided):
        raise IncompatibleSlotsError(
            f'{type(slot).__name__} needs {EXPLANATIONS.get(word, word)}, which {before} does not provide'
        )
