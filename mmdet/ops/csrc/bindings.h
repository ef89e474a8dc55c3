// What the bindings of both back ends share: from tensors to shapes, with the checks that keep memory access in bounds.
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "correlation_geometry.h"

// For symbols that Python reads through ctypes; all others stay inside the library.
#define MMDET_EXPORT extern "C" __attribute__((visibility("default")))

namespace mmdet {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// Raised whenever an operator's arguments change, so that Python never calls a library built from other sources.
constexpr int kInterface = 1;

// geometry: patch height, patch width, vertical step, horizontal step, window.
inline VolumeShape checked_shape(const Tensor& input, const std::vector<int64_t>& geometry) {
  STD_TORCH_CHECK(input.dim() == 4, "correlation takes inputs (B, C, H, W)");
  STD_TORCH_CHECK(geometry.size() == 5, "correlation geometry has five numbers");
  for (int k = 0; k < 4; ++k) STD_TORCH_CHECK(geometry[k] >= 1, "correlation patch and step must be positive");
  return make_shape(
      input.size(0), int(input.size(1)), int(input.size(2)), int(input.size(3)), int(geometry[0]), int(geometry[1]),
      int(geometry[2]), int(geometry[3]), int(geometry[4]));
}

// Maps must look like the first of them, and the volume must have the cells that the shape asks for.
inline void check_tensors(const VolumeShape& shape, const Tensor& volume, std::initializer_list<const Tensor*> maps) {
  const int64_t plane = int64_t(shape.rows.size) * shape.cols.size;
  STD_TORCH_CHECK(volume.is_contiguous(), "the correlation volume must be contiguous");
  const int64_t cells = shape.batch * shape.rows.patch * shape.cols.patch;
  STD_TORCH_CHECK(volume.numel() == cells * plane, "the correlation volume has a wrong size");
  for (const Tensor* map : maps) {
    STD_TORCH_CHECK(map->is_contiguous(), "correlation kernels take contiguous maps");
    STD_TORCH_CHECK(map->numel() == shape.batch * shape.channels * plane, "correlation maps differ in size");
    STD_TORCH_CHECK(map->scalar_type() == volume.scalar_type(), "correlation tensors differ in type");
  }
}

template <typename T = void>
T* data(const Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

}  // namespace mmdet
