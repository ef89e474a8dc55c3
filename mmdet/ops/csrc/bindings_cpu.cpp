// Operators of the CPU back end, bound through PyTorch's stable ABI: one binary serves every PyTorch from 2.10 on.
//
// The operators are internal: mmdet/ops/correlation.py checks arguments, allocates outputs and registers autograd.
#include "bindings.h"
#include "correlation_cpu.h"

namespace mmdet {
namespace {

void check_type(const Tensor& tensor) {
  const ScalarType type = tensor.scalar_type();
  STD_TORCH_CHECK(type == ScalarType::Float || type == ScalarType::Double, "the CPU kernels take float32 and float64");
}

template <typename T>
void forward(const Tensor& input1, const Tensor& input2, const Tensor& volume, const VolumeShape& shape) {
  volume_forward_cpu<T>(data<T>(input1), data<T>(input2), data<T>(volume), shape);
}

template <typename T>
void gradient(const Tensor& grad, const Tensor& map, const Tensor& result, const VolumeShape& shape, bool mirrored) {
  volume_gradient_cpu<T>(data<T>(grad), data<T>(map), data<T>(result), shape, mirrored);
}

void correlation_forward(Tensor input1, Tensor input2, Tensor volume, std::vector<int64_t> geometry) {
  const VolumeShape shape = checked_shape(input1, geometry);
  check_tensors(shape, volume, {&input1, &input2});
  check_type(volume);
  const bool wide = volume.scalar_type() == ScalarType::Double;
  (wide ? forward<double> : forward<float>)(input1, input2, volume, shape);
}

void correlation_gradient(Tensor grad, Tensor map, Tensor result, std::vector<int64_t> geometry, bool mirrored) {
  const VolumeShape shape = checked_shape(map, geometry);
  check_tensors(shape, grad, {&map, &result});
  check_type(grad);
  const bool wide = grad.scalar_type() == ScalarType::Double;
  (wide ? gradient<double> : gradient<float>)(grad, map, result, shape, mirrored);
}

}  // namespace
}  // namespace mmdet

STABLE_TORCH_LIBRARY(mmdet_native, m) {
  m.def("correlation_forward(Tensor input1, Tensor input2, Tensor(a!) volume, int[] geometry) -> ()");
  m.def(
      "correlation_gradient(Tensor grad, Tensor map, Tensor(a!) result, int[] geometry, bool mirrored) -> ()");
}

STABLE_TORCH_LIBRARY_IMPL(mmdet_native, CPU, m) {
  m.impl("correlation_forward", TORCH_BOX(&mmdet::correlation_forward));
  m.impl("correlation_gradient", TORCH_BOX(&mmdet::correlation_gradient));
}

// Read by mmdet/ops/_native.py through ctypes.
MMDET_EXPORT int mmdet_native_interface() { return mmdet::kInterface; }
MMDET_EXPORT const char* mmdet_cpu_instruction_set() { return mmdet::cpu_instruction_set(); }
