// Index arithmetic of the correlation volume: displacements and the ranges in which they stay inside the map.
//
// CPU and CUDA kernels include this one file, so that what the CPU tests prove about indices holds for both.
#pragma once

#ifdef __CUDACC__
#define MMDET_HOST_DEVICE __host__ __device__
#else
#define MMDET_HOST_DEVICE
#endif

namespace mmdet {

enum Window : int {
  kWindowCentred = 0,  // (i - floor((patch - 1) / 2)) * step: an even patch reaches one step further down and right
  kWindowCuda = 1,     // i * step - floor(step * (patch - 1) / 2): what released CMaskTrack R-CNN weights expect
};

MMDET_HOST_DEVICE inline int first_shift(int patch, int step, int window) {
  return window == kWindowCuda ? -((step * (patch - 1)) / 2) : -((patch - 1) / 2) * step;
}

MMDET_HOST_DEVICE inline int smaller(int a, int b) { return a < b ? a : b; }
MMDET_HOST_DEVICE inline int larger(int a, int b) { return a > b ? a : b; }

struct Range {
  int begin, end;  // end is exclusive; empty where end <= begin

  MMDET_HOST_DEVICE bool contains(int i) const { return begin <= i && i < end; }
};

// Rows or columns: `size` pixels, and `patch` displacements first, first + step, ... with step >= 1.
struct Axis {
  int size, patch, step, first;

  MMDET_HOST_DEVICE int shift(int i) const { return first + i * step; }

  // Patch indices i for which low <= shift(i) < high.
  MMDET_HOST_DEVICE Range indices(int low, int high) const {
    const int begin = low - first <= 0 ? 0 : (low - first + step - 1) / step;
    const int end = high - first <= 0 ? 0 : (high - first + step - 1) / step;
    return {smaller(begin, patch), smaller(end, patch)};
  }

  // Patch indices whose displacement keeps at least one pixel of the map inside the map.
  MMDET_HOST_DEVICE Range useful() const { return indices(1 - size, size); }

  // Patch indices i for which target = position + shift(i) is inside the map.
  MMDET_HOST_DEVICE Range targets_of(int position) const { return indices(-position, size - position); }

  // Patch indices i for which position = target - shift(i) is inside the map.
  MMDET_HOST_DEVICE Range sources_of(int target) const { return indices(target - size + 1, target + 1); }

  // The axis seen from the second input: index i stands for -shift(patch - 1 - i), so steps are positive again.
  MMDET_HOST_DEVICE Axis mirrored() const { return {size, patch, step, -shift(patch - 1)}; }
};

// Rows of a map in groups of up to `rows` rows that lie `step` apart: the rows of a group read the same rows of the
// other map, so that one read serves all. Every row is in exactly one group; the last groups may be short or empty.
struct RowGroups {
  int size, rows, step;

  // Rows further apart than the map is high share nothing; they are groups of one.
  MMDET_HOST_DEVICE RowGroups(const Axis& axis, int rows)
      : size(axis.size), rows(rows), step(smaller(axis.step, axis.size)) {}
  MMDET_HOST_DEVICE int count() const { return (size + rows * step - 1) / (rows * step) * step; }
  MMDET_HOST_DEVICE int first(int group) const { return group / step * rows * step + group % step; }
  MMDET_HOST_DEVICE int length(int group) const {
    const int left = size - first(group);
    return left <= 0 ? 0 : smaller(rows, (left + step - 1) / step);
  }
};

struct VolumeShape {
  long long batch;
  int channels;
  Axis rows, cols;

  // The shape as the gradient of the second input sees it.
  VolumeShape mirrored() const { return {batch, channels, rows.mirrored(), cols.mirrored()}; }
};

inline VolumeShape make_shape(
    long long batch, int channels, int height, int width, int patch_h, int patch_w, int step_h, int step_w,
    int window) {
  const Axis rows{height, patch_h, step_h, first_shift(patch_h, step_h, window)};
  const Axis cols{width, patch_w, step_w, first_shift(patch_w, step_w, window)};
  return {batch, channels, rows, cols};
}

}  // namespace mmdet
