// Runs the CUDA kernels of the correlation on the CPU, one thread per CUDA thread and one block after the other, so
// that their indices, shared memory and barriers are tested on machines without a GPU.
#include <barrier>
#include <memory>
#include <thread>
#include <vector>

#define __global__
#define __launch_bounds__(threads)
#define __shared__ static

struct Index {
  int x, y;
};
static thread_local Index threadIdx, blockIdx;
static std::unique_ptr<std::barrier<>> block_barrier;
static void __syncthreads() { block_barrier->arrive_and_wait(); }

#include "correlation_cuda_kernels.cuh"

template <typename Kernel>
static void launch(long long blocks, int warps, Kernel kernel) {
  const int threads = warps * mmdet::kLanes;
  block_barrier = std::make_unique<std::barrier<>>(threads);
  std::barrier<> between_blocks(threads);
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) {
    pool.emplace_back([&, t] {
      threadIdx = {t % mmdet::kLanes, t / mmdet::kLanes};
      for (long long block = 0; block < blocks; ++block) {
        blockIdx = {int(block), 0};
        kernel();
        between_blocks.arrive_and_wait();
      }
    });
  }
  for (std::thread& thread : pool) thread.join();
}

// geometry: batch, channels, height, width, patch_h, patch_w, step_h, step_w, window
static mmdet::VolumeShape shape_of(const long long* g) {
  const auto at = [g](int k) { return int(g[k]); };
  return mmdet::make_shape(g[0], at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8));
}

template <typename T>
static void forward(const T* input1, const T* input2, T* volume, const long long* geometry) {
  const mmdet::VolumeShape shape = shape_of(geometry);
  launch(mmdet::ForwardTile::blocks(shape), mmdet::ForwardTile::kWarps, [&] {
    mmdet::volume_forward_kernel<T, mmdet::kForwardChannels<T>>(input1, input2, volume, shape);
  });
}

template <bool kMirrored, typename T>
static void gradient(const T* grad, const T* values, T* result, const mmdet::VolumeShape& shape) {
  constexpr int warps = mmdet::kBackwardWarps<T>;
  launch(mmdet::BackwardTile<warps>::blocks(shape), warps, [&] {
    mmdet::volume_gradient_kernel<T, warps, kMirrored>(grad, values, result, shape);
  });
}

template <typename T>
static void backward(
    const T* grad, const T* input1, const T* input2, T* grad1, T* grad2, const long long* geometry) {
  const mmdet::VolumeShape shape = shape_of(geometry);
  gradient<false>(grad, input2, grad1, shape);
  gradient<true>(grad, input1, grad2, shape.mirrored());
}

#define EMULATE(T)                                                                                             \
  extern "C" void forward_##T(const T* input1, const T* input2, T* volume, const long long* geometry) {        \
    forward(input1, input2, volume, geometry);                                                                 \
  }                                                                                                            \
  extern "C" void backward_##T(                                                                                \
      const T* grad, const T* input1, const T* input2, T* grad1, T* grad2, const long long* geometry) {        \
    backward(grad, input1, input2, grad1, grad2, geometry);                                                    \
  }

EMULATE(double)
EMULATE(float)
