// Operators of the CUDA back end, bound through PyTorch's stable ABI. Schemas are defined by bindings_cpu.cpp.
#include <torch/csrc/stable/accelerator.h>
#include <torch/headeronly/util/shim_utils.h>

#include "bindings.h"
#include "correlation_cuda.h"

namespace mmdet {
namespace {

CudaType cuda_type(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case ScalarType::Float: return CudaType::kFloat;
    case ScalarType::Double: return CudaType::kDouble;
    case ScalarType::Half: return CudaType::kHalf;
    case ScalarType::BFloat16: return CudaType::kBFloat16;
    default: STD_TORCH_CHECK(false, "the CUDA kernels take float16, bfloat16, float32 and float64");
  }
  return CudaType::kFloat;
}

void* current_stream(const Tensor& tensor) {
  void* stream = nullptr;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(tensor.get_device_index(), &stream));
  return stream;
}

void correlation_forward(Tensor input1, Tensor input2, Tensor volume, std::vector<int64_t> geometry) {
  const VolumeShape shape = checked_shape(input1, geometry);
  check_tensors(shape, volume, {&input1, &input2});
  const torch::stable::accelerator::DeviceGuard guard(volume.get_device_index());
  const char* error = volume_forward_cuda(
      cuda_type(volume), data(input1), data(input2), data(volume), shape, current_stream(volume));
  STD_TORCH_CHECK(error == nullptr, "correlation on CUDA: ", error);
}

void correlation_gradient(Tensor grad, Tensor map, Tensor result, std::vector<int64_t> geometry, bool mirrored) {
  const VolumeShape shape = checked_shape(map, geometry);
  check_tensors(shape, grad, {&map, &result});
  const torch::stable::accelerator::DeviceGuard guard(grad.get_device_index());
  const char* error = volume_gradient_cuda(
      cuda_type(grad), data(grad), data(map), data(result), shape, mirrored, current_stream(grad));
  STD_TORCH_CHECK(error == nullptr, "gradient of correlation on CUDA: ", error);
}

}  // namespace
}  // namespace mmdet

STABLE_TORCH_LIBRARY_IMPL(mmdet_native, CUDA, m) {
  m.impl("correlation_forward", TORCH_BOX(&mmdet::correlation_forward));
  m.impl("correlation_gradient", TORCH_BOX(&mmdet::correlation_gradient));
}

// Read by mmdet/ops/_native.py through ctypes.
MMDET_EXPORT int mmdet_native_interface() { return mmdet::kInterface; }
