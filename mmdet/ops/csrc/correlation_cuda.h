// Launches of the CUDA kernels; plain types only, so that PyTorch's headers never meet nvcc.
#pragma once

#include "correlation_geometry.h"

namespace mmdet {

enum class CudaType { kFloat, kDouble, kHalf, kBFloat16 };

// All launches return what went wrong in words, or nullptr. The volume must come in filled with zeros.
const char* volume_forward_cuda(
    CudaType type, const void* input1, const void* input2, void* volume, const VolumeShape& shape, void* stream);

// Gradient for input 1 (map is input 2) or, mirrored, for input 2 (map is input 1). The whole result is written.
const char* volume_gradient_cuda(
    CudaType type, const void* grad, const void* map, void* result, const VolumeShape& shape, bool mirrored,
    void* stream);

}  // namespace mmdet
