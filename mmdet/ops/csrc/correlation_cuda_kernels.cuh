// CUDA kernels of the correlation volume and its gradients.
//
// Both gather: every output element belongs to one thread, which sums in a fixed order, so there are no atomics and
// results are reproducible. Only plain CUDA C++ is used and no library, so a test can run the same code on the CPU.
#pragma once

#include "correlation_geometry.h"

namespace mmdet {

constexpr int kLanes = 32;  // columns of a block; consecutive threads read consecutive addresses

// How a storage type is read into and written from the type that sums are kept in.
template <typename T>
struct Scalar {
  using Sum = T;
  MMDET_HOST_DEVICE static Sum widen(T value) { return value; }
  MMDET_HOST_DEVICE static T narrow(Sum value) { return value; }
};

// Channels that a forward block keeps at a time, 32 KiB of shared memory, and warps of a backward block, 36 KiB (40 in
// float64).
template <typename T>
constexpr int kForwardChannels = sizeof(typename Scalar<T>::Sum) == 8 ? 4 : 8;
template <typename T>
constexpr int kBackwardWarps = sizeof(typename Scalar<T>::Sum) == 8 ? 2 : 4;

// One row of a map as a block keeps it in shared memory: kLanes columns at each of `count` displacements. Slots of
// neighbouring displacements overlap where the step is smaller than a block is wide.
struct WindowRow {
  int step, spread, slots;

  MMDET_HOST_DEVICE WindowRow(int step, int count)
      : step(step), spread(smaller(step, kLanes)), slots((count - 1) * smaller(step, kLanes) + kLanes) {}
  MMDET_HOST_DEVICE int slot(int shift, int lane) const { return shift * spread + lane; }
  // Column of a slot, relative to the first column at the first displacement.
  MMDET_HOST_DEVICE int column(int slot) const {
    return step <= kLanes ? slot : slot / kLanes * step + slot % kLanes;
  }
  MMDET_HOST_DEVICE static constexpr int most_slots(int count) { return count * kLanes; }
};

// Takes the next digit of a number written in mixed radix; used to unfold the one-dimensional grid.
MMDET_HOST_DEVICE inline int take(long long& number, int radix) {
  const int digit = int(number % radix);
  number /= radix;
  return digit;
}

MMDET_HOST_DEVICE inline int divide_up(int a, int b) { return (a + b - 1) / b; }

// A block computes all products of kLanes columns of input 1 with one row of input 2, for a chunk of displacements;
// a warp has kRows x kShifts of them in registers.
struct ForwardTile {
  static constexpr int kRows = 4, kShifts = 8, kRowGroups = 4, kShiftGroups = 2;
  static constexpr int kWarps = kRowGroups * kShiftGroups;
  static constexpr int kPatchRows = kRows * kRowGroups, kPatchCols = kShifts * kShiftGroups;

  static long long blocks(const VolumeShape& s) {
    const long long chunks = divide_up(s.rows.patch, kPatchRows) * divide_up(s.cols.patch, kPatchCols);
    return s.batch * s.rows.size * divide_up(s.cols.size, kLanes) * chunks;
  }
};

template <typename T, int kChannels>
__global__ void __launch_bounds__(kLanes * ForwardTile::kWarps)
    volume_forward_kernel(const T* input1, const T* input2, T* volume, VolumeShape shape) {
  using Tile = ForwardTile;
  using Sum = typename Scalar<T>::Sum;
  __shared__ Sum a[kChannels][Tile::kPatchRows][kLanes];
  __shared__ Sum b[kChannels][WindowRow::most_slots(Tile::kPatchCols)];
  const Axis rows = shape.rows, cols = shape.cols;
  const int lane = threadIdx.x, warp = threadIdx.y;

  long long block = blockIdx.x;
  const int x = take(block, divide_up(cols.size, kLanes)) * kLanes + lane;
  const int first_j = take(block, divide_up(cols.patch, Tile::kPatchCols)) * Tile::kPatchCols;
  const int first_i = take(block, divide_up(rows.patch, Tile::kPatchRows)) * Tile::kPatchRows;
  const int target = take(block, rows.size);
  const long long sample = block;
  const Range pairs = rows.sources_of(target);
  if (pairs.end <= first_i || first_i + Tile::kPatchRows <= pairs.begin) return;  // the same for the whole block

  const WindowRow window(cols.step, Tile::kPatchCols);
  const int window_x = x - lane + cols.shift(first_j);
  const int own_i = warp % Tile::kRowGroups * Tile::kRows, own_j = warp / Tile::kRowGroups * Tile::kShifts;
  Sum sums[Tile::kRows][Tile::kShifts] = {};
  for (int c = 0; c < shape.channels; c += kChannels) {
    for (int row = warp; row < kChannels * Tile::kPatchRows; row += Tile::kWarps) {
      const int k = row / Tile::kPatchRows, i = row % Tile::kPatchRows;
      const bool inside = c + k < shape.channels && pairs.contains(first_i + i) && x < cols.size;
      const int y = target - rows.shift(first_i + i);
      const long long plane = sample * shape.channels + c + k;
      a[k][i][lane] = inside ? Scalar<T>::widen(input1[(plane * rows.size + y) * cols.size + x]) : Sum(0);
    }
    for (int k = warp; k < kChannels; k += Tile::kWarps) {
      const long long plane = sample * shape.channels + c + k;
      for (int slot = lane; slot < window.slots; slot += kLanes) {
        const int column = window_x + window.column(slot);
        const bool inside = c + k < shape.channels && 0 <= column && column < cols.size;
        b[k][slot] = inside ? Scalar<T>::widen(input2[(plane * rows.size + target) * cols.size + column]) : Sum(0);
      }
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kChannels; ++k) {
      Sum left[Tile::kRows];
#pragma unroll
      for (int i = 0; i < Tile::kRows; ++i) left[i] = a[k][own_i + i][lane];
#pragma unroll
      for (int j = 0; j < Tile::kShifts; ++j) {
        const Sum right = b[k][window.slot(own_j + j, lane)];
#pragma unroll
        for (int i = 0; i < Tile::kRows; ++i) sums[i][j] += left[i] * right;
      }
    }
    __syncthreads();
  }
  if (x >= cols.size) return;
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
    const int patch_i = first_i + own_i + i;
    if (!pairs.contains(patch_i)) continue;
    const int y = target - rows.shift(patch_i);
#pragma unroll
    for (int j = 0; j < Tile::kShifts; ++j) {
      const int patch_j = first_j + own_j + j;
      const long long cell = (sample * rows.patch + patch_i) * cols.patch + patch_j;
      if (patch_j < cols.patch) volume[(cell * rows.size + y) * cols.size + x] = Scalar<T>::narrow(sums[i][j]);
    }
  }
}

// A block computes one gradient for a group of rows that share their source rows, kLanes columns and a chunk of
// channels; a warp has kRows x kChannels sums in registers and goes over all displacements.
template <int kWarpCount>
struct BackwardTile {
  static constexpr int kRows = 4, kChannels = 8, kShifts = 8, kWarps = kWarpCount;
  static constexpr int kBlockChannels = kChannels * kWarps;

  MMDET_HOST_DEVICE static RowGroups groups(const VolumeShape& s) { return RowGroups(s.rows, kRows); }
  static long long blocks(const VolumeShape& s) {
    const long long columns = divide_up(s.cols.size, kLanes);
    return s.batch * groups(s).count() * columns * divide_up(s.channels, kBlockChannels);
  }
};

// result[c][y][x] = sum over i, j of weight(i, j, y, x) * values[c][y + rows.shift(i)][x + cols.shift(j)]. For the
// second input the shape is mirrored, and the weight is the gradient of the cell that position displaced comes from.
template <typename T, int kWarpCount, bool kMirrored>
__global__ void __launch_bounds__(kLanes* kWarpCount)
    volume_gradient_kernel(const T* grad, const T* values, T* result, VolumeShape shape) {
  using Tile = BackwardTile<kWarpCount>;
  using Sum = typename Scalar<T>::Sum;
  __shared__ Sum weight[Tile::kRows][Tile::kShifts][kLanes];
  __shared__ Sum value[Tile::kBlockChannels][WindowRow::most_slots(Tile::kShifts)];
  const Axis rows = shape.rows, cols = shape.cols;
  const int lane = threadIdx.x, warp = threadIdx.y;

  long long block = blockIdx.x;
  const RowGroups groups = Tile::groups(shape);
  const int x = take(block, divide_up(cols.size, kLanes)) * kLanes + lane;
  const int group = take(block, groups.count());
  const int first_c = take(block, divide_up(shape.channels, Tile::kBlockChannels)) * Tile::kBlockChannels;
  const long long sample = block;
  const int first_y = groups.first(group), count = groups.length(group);
  if (count == 0) return;

  const WindowRow window(cols.step, Tile::kShifts);
  const Range useful = cols.useful();
  Sum sums[Tile::kRows][Tile::kChannels] = {};
  for (int i = 0; i < rows.patch + count - 1; ++i) {  // patch row i of the first row is i - r of row r
    const int source = first_y + rows.shift(i);
    if (source < 0 || source >= rows.size) continue;
    for (int first_j = useful.begin; first_j < useful.end; first_j += Tile::kShifts) {
      for (int row = warp; row < Tile::kRows * Tile::kShifts; row += Tile::kWarps) {
        const int r = row / Tile::kShifts, j = first_j + row % Tile::kShifts;
        const int y = first_y + r * rows.step, column = x + cols.shift(j);
        const bool inside = r < count && 0 <= i - r && i - r < rows.patch && j < useful.end && x < cols.size &&
                            0 <= column && column < cols.size;
        long long cell = (long long)(i - r) * cols.patch + j;
        if (kMirrored) cell = (long long)rows.patch * cols.patch - 1 - cell;
        cell += sample * rows.patch * cols.patch;
        const long long index = (cell * rows.size + (kMirrored ? source : y)) * cols.size + (kMirrored ? column : x);
        weight[r][j - first_j][lane] = inside ? Scalar<T>::widen(grad[index]) : Sum(0);
      }
      const int window_x = x - lane + cols.shift(first_j);
      for (int c = warp; c < Tile::kBlockChannels; c += Tile::kWarps) {
        const long long plane = sample * shape.channels + first_c + c;
        for (int slot = lane; slot < window.slots; slot += kLanes) {
          const int column = window_x + window.column(slot);
          const bool inside = first_c + c < shape.channels && 0 <= column && column < cols.size;
          const long long index = (plane * rows.size + source) * cols.size + column;
          value[c][slot] = inside ? Scalar<T>::widen(values[index]) : Sum(0);
        }
      }
      __syncthreads();
#pragma unroll
      for (int j = 0; j < Tile::kShifts; ++j) {
        Sum left[Tile::kRows];
#pragma unroll
        for (int r = 0; r < Tile::kRows; ++r) left[r] = weight[r][j][lane];
#pragma unroll
        for (int c = 0; c < Tile::kChannels; ++c) {
          const Sum right = value[warp * Tile::kChannels + c][window.slot(j, lane)];
#pragma unroll
          for (int r = 0; r < Tile::kRows; ++r) sums[r][c] += left[r] * right;
        }
      }
      __syncthreads();
    }
  }
  if (x >= cols.size) return;
#pragma unroll
  for (int c = 0; c < Tile::kChannels; ++c) {
    const int channel = first_c + warp * Tile::kChannels + c;
    const long long plane = sample * shape.channels + channel;
#pragma unroll
    for (int r = 0; r < Tile::kRows; ++r) {
      const int y = first_y + r * rows.step;
      if (channel < shape.channels && r < count) {
        result[(plane * rows.size + y) * cols.size + x] = Scalar<T>::narrow(sums[r][c]);
      }
    }
  }
}

}  // namespace mmdet
