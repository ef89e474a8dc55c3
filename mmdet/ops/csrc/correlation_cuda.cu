#include "correlation_cuda.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <climits>

#include "correlation_cuda_kernels.cuh"

namespace mmdet {

template <>
struct Scalar<__half> {
  using Sum = float;
  __device__ static float widen(__half value) { return __half2float(value); }
  __device__ static __half narrow(float value) { return __float2half(value); }
};

template <>
struct Scalar<__nv_bfloat16> {
  using Sum = float;
  __device__ static float widen(__nv_bfloat16 value) { return __bfloat162float(value); }
  __device__ static __nv_bfloat16 narrow(float value) { return __float2bfloat16(value); }
};

namespace {

constexpr const char* kTooLarge = "the correlation volume needs more blocks than one launch may have";

const char* last_error() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

template <typename T>
const char* forward(
    const void* input1, const void* input2, void* volume, const VolumeShape& shape, cudaStream_t stream) {
  const long long blocks = ForwardTile::blocks(shape);
  if (blocks == 0) return nullptr;
  if (blocks > INT_MAX) return kTooLarge;
  volume_forward_kernel<T, kForwardChannels<T>><<<unsigned(blocks), dim3(kLanes, ForwardTile::kWarps), 0, stream>>>(
      static_cast<const T*>(input1), static_cast<const T*>(input2), static_cast<T*>(volume), shape);
  return last_error();
}

template <typename T, bool kMirrored>
const char* gradient(const void* grad, const void* map, void* result, const VolumeShape& shape, cudaStream_t stream) {
  constexpr int warps = kBackwardWarps<T>;
  const long long blocks = BackwardTile<warps>::blocks(shape);
  if (blocks == 0) return nullptr;
  if (blocks > INT_MAX) return kTooLarge;
  volume_gradient_kernel<T, warps, kMirrored><<<unsigned(blocks), dim3(kLanes, warps), 0, stream>>>(
      static_cast<const T*>(grad), static_cast<const T*>(map), static_cast<T*>(result), shape);
  return last_error();
}

template <typename T>
const char* gradient(
    const void* grad, const void* map, void* result, const VolumeShape& shape, bool mirrored, cudaStream_t stream) {
  if (mirrored) return gradient<T, true>(grad, map, result, shape.mirrored(), stream);
  return gradient<T, false>(grad, map, result, shape, stream);
}

}  // namespace

const char* volume_forward_cuda(
    CudaType type, const void* input1, const void* input2, void* volume, const VolumeShape& shape, void* stream) {
  const auto s = static_cast<cudaStream_t>(stream);
  switch (type) {
    case CudaType::kFloat: return forward<float>(input1, input2, volume, shape, s);
    case CudaType::kDouble: return forward<double>(input1, input2, volume, shape, s);
    case CudaType::kHalf: return forward<__half>(input1, input2, volume, shape, s);
    case CudaType::kBFloat16: return forward<__nv_bfloat16>(input1, input2, volume, shape, s);
  }
  return "unknown type";
}

const char* volume_gradient_cuda(
    CudaType type, const void* grad, const void* map, void* result, const VolumeShape& shape, bool mirrored,
    void* stream) {
  const auto s = static_cast<cudaStream_t>(stream);
  switch (type) {
    case CudaType::kFloat: return gradient<float>(grad, map, result, shape, mirrored, s);
    case CudaType::kDouble: return gradient<double>(grad, map, result, shape, mirrored, s);
    case CudaType::kHalf: return gradient<__half>(grad, map, result, shape, mirrored, s);
    case CudaType::kBFloat16: return gradient<__nv_bfloat16>(grad, map, result, shape, mirrored, s);
  }
  return "unknown type";
}

}  // namespace mmdet
