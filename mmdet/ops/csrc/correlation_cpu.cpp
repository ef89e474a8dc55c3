// Both directions are products of a band: rows are packed so that everything that meets in a register tile lies in the
// nearest cache, then tiles of the best instruction set (correlation_cpu_tiles.inl) run over them. Every output element
// belongs to one thread and is summed in one order, so results do not depend on the number of threads.
#include "correlation_cpu.h"

#include <torch/csrc/stable/ops.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "correlation_cpu_tiles.h"

#if defined(__x86_64__)
#define MMDET_ISA avx512
#define MMDET_TARGET __attribute__((target("avx512f")))
#define MMDET_VECTOR_BYTES 64
#define MMDET_ROWS 4
#define MMDET_SHIFTS 6
#define MMDET_CHANNELS 6
#include "correlation_cpu_tiles.inl"

#define MMDET_ISA avx2
#define MMDET_TARGET __attribute__((target("avx2,fma")))
#define MMDET_VECTOR_BYTES 32
#define MMDET_ROWS 3
#define MMDET_SHIFTS 4
#define MMDET_CHANNELS 3
#include "correlation_cpu_tiles.inl"
#endif

// 16 bytes are SSE2 and NEON, which every x86-64 and every 64-bit ARM processor has.
#define MMDET_ISA generic
#define MMDET_TARGET
#define MMDET_VECTOR_BYTES 16
#define MMDET_ROWS 3
#define MMDET_SHIFTS 4
#define MMDET_CHANNELS 3
#include "correlation_cpu_tiles.inl"

namespace mmdet {
namespace {

constexpr int kForwardChannels = 64;   // per pass: rows of the second input's window stay in the first-level cache
constexpr int kBackwardChannels = 36;  // per pass: all rows that a gradient row needs stay in the second-level cache

template <typename T>
Tiles<T> select_tiles() {
#if defined(__x86_64__)
  const char* wish = std::getenv("MMDET_CPU_ISA");  // tests run every instruction set that the processor has
  const auto allowed = [wish](const char* name) { return wish == nullptr || std::strcmp(wish, name) == 0; };
  if (__builtin_cpu_supports("avx512f") && allowed("avx512")) return avx512::tiles<T>("avx512");
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && allowed("avx2")) return avx2::tiles<T>("avx2");
#endif
  return generic::tiles<T>("generic");
}

// Uninitialised memory on a cache line boundary.
template <typename T>
class Buffer {
 public:
  explicit Buffer(int64_t count)
      : data_(static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(64)))) {}
  T* get() const { return data_.get(); }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete(p, std::align_val_t(64)); }
  };
  std::unique_ptr<T, Free> data_;
};

int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// Columns of a map cut into vectors, and the margins that displaced reads need left and right of it.
struct Layout {
  int lanes, vectors, padded;  // padded = lanes * vectors >= number of columns
  int lead, row;               // zeros left of a row; length of a row with both margins
  Range shifts;                // patch columns that can meet the map

  Layout(const Axis& cols, int lanes) : lanes(lanes), shifts(cols.useful()) {
    padded = round_up(cols.size, lanes);
    vectors = padded / lanes;
    const bool any = shifts.begin < shifts.end;
    lead = any ? std::max(0, -cols.shift(shifts.begin)) : 0;
    row = lead + padded + (any ? std::max(0, cols.shift(shifts.end - 1)) : 0);
  }
  int count() const { return shifts.end - shifts.begin; }
};

// map[c][y][x] -> packed[y][c][lead + x], with zeros in the margins.
template <typename T>
void pack_rows(const T* map, T* packed, int channels, int height, int width, const Layout& layout) {
  torch::stable::parallel_for(0, height, 1, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      T* out = packed + y * channels * layout.row;
      for (int c = 0; c < channels; ++c, out += layout.row) {
        std::fill(out, out + layout.lead, T(0));
        std::copy_n(map + (int64_t(c) * height + y) * width, width, out + layout.lead);
        std::fill(out + layout.lead + width, out + layout.row, T(0));
      }
    }
  });
}

// map[c][y][x] -> packed[y][vector][c][lane], with zeros right of the last column.
template <typename T>
void pack_vectors(const T* map, T* packed, int channels, int height, int width, const Layout& layout) {
  torch::stable::parallel_for(0, height, 1, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      for (int v = 0; v < layout.vectors; ++v) {
        const int x = v * layout.lanes, count = std::min(layout.lanes, width - x);
        T* out = packed + (y * layout.vectors + v) * channels * layout.lanes;
        for (int c = 0; c < channels; ++c, out += layout.lanes) {
          std::copy_n(map + (int64_t(c) * height + y) * width + x, count, out);
          std::fill(out + count, out + layout.lanes, T(0));
        }
      }
    }
  });
}

template <typename T>
struct Forward {
  const Tiles<T>& tiles;
  const Layout& layout;
  const VolumeShape& shape;
  const T *a, *b;  // packed vectors of the first input, packed rows of the second

  // All products with row `target` of the second input; sums is (pairs, patch columns, padded columns).
  void row(int target, Range pairs, T* sums) const {
    const int rows = pairs.end - pairs.begin;
    std::fill_n(sums, int64_t(rows) * layout.count() * layout.padded, T(0));
    for (int c = 0; c < shape.channels; c += kForwardChannels) {
      for (int v = 0; v < layout.vectors; ++v) {
        for (int r = 0; r < rows; r += tiles.rows) block(target, pairs, c, v, r, sums);
      }
    }
  }

  void block(int target, Range pairs, int c, int v, int r, T* sums) const {
    ProductTile<T> tile;
    tile.channels = std::min(kForwardChannels, shape.channels - c);
    tile.step = shape.cols.step;
    tile.b_channel = layout.row;
    tile.sums_shift = layout.padded;
    tile.sums_row = std::ptrdiff_t(layout.count()) * layout.padded;
    const int rows = std::min(tiles.rows, pairs.end - pairs.begin - r);
    for (int k = 0; k < rows; ++k) {
      const int64_t y = target - shape.rows.shift(pairs.begin + r + k);
      tile.a[k] = a + ((y * layout.vectors + v) * shape.channels + c) * layout.lanes;
    }
    const T* window = b + (int64_t(target) * shape.channels + c) * layout.row + layout.lead + v * layout.lanes;
    for (int j = 0; j < layout.count(); j += tiles.shifts) {
      tile.b = window + shape.cols.shift(layout.shifts.begin + j);
      tile.sums = sums + r * tile.sums_row + j * tile.sums_shift + v * layout.lanes;
      tiles.product(rows, std::min(tiles.shifts, layout.count() - j), tile);
    }
  }

  // Moves the sums of row `target` to where they belong in one sample's volume.
  void unpack(int target, Range pairs, const T* sums, T* volume) const {
    const int height = shape.rows.size, width = shape.cols.size;
    for (int i = pairs.begin; i < pairs.end; ++i) {
      const int y = target - shape.rows.shift(i);
      for (int j = layout.shifts.begin; j < layout.shifts.end; ++j, sums += layout.padded) {
        const int64_t cell = int64_t(i) * shape.cols.patch + j;
        std::copy_n(sums, width, volume + (cell * height + y) * width);
      }
    }
  }
};

// One of the two gradients: result[c][y][x] = sum over i, j of
// weights[i][j][y][x] * values[c][y + rows.shift(i)][x + cols.shift(j)]. The second input's gradient has this form on
// mirrored axes, with the incoming gradient read at the displaced position.
template <typename T>
struct Gradient {
  const Tiles<T>& tiles;
  const Layout& layout;
  const VolumeShape& shape;  // axes already mirrored for the second input
  bool mirrored;
  T *weights, *values;  // packed: (y, vector, i, j, lane) and rows (y, c, x)

  int64_t weight_rows() const { return int64_t(shape.rows.patch) * layout.count() * layout.lanes; }

  void pack_weights(const T* grad) const {
    torch::stable::parallel_for(0, shape.rows.size, 1, [&](int64_t begin, int64_t end) {
      for (int y = int(begin); y < int(end); ++y) {
        const Range used = shape.rows.targets_of(y);
        for (int i = used.begin; i < used.end; ++i) {
          for (int j = 0; j < layout.count(); ++j) pack_weight_row(grad, y, i, j);
        }
      }
    });
  }

  void pack_weight_row(const T* grad, int y, int i, int j) const {
    const int width = shape.cols.size, column = layout.shifts.begin + j;
    int64_t cell = int64_t(i) * shape.cols.patch + column;
    int source_y = y, shift = 0;
    if (mirrored) {
      cell = int64_t(shape.rows.patch) * shape.cols.patch - 1 - cell;
      source_y += shape.rows.shift(i);
      shift = shape.cols.shift(column);
    }
    const T* source = grad + (cell * shape.rows.size + source_y) * width + shift;
    T* out = weights + int64_t(y) * layout.vectors * weight_rows() + (int64_t(i) * layout.count() + j) * layout.lanes;
    for (int x = 0; x < layout.padded; x += layout.lanes, out += weight_rows()) {
      const int begin = std::clamp(-shift - x, 0, layout.lanes);
      const int end = std::clamp(width - std::max(shift, 0) - x, begin, layout.lanes);
      std::fill(out, out + begin, T(0));
      std::copy(source + x + begin, source + x + end, out + begin);
      std::fill(out + end, out + layout.lanes, T(0));
    }
  }

  // Rows y, y + step, ... of the gradients of some channels; sums is (rows, channels, padded columns).
  void rows(int y, int count, int first, int channels, T* sums) const {
    std::fill_n(sums, int64_t(count) * channels * layout.padded, T(0));
    const int step = shape.rows.step;
    const Range head = shape.rows.targets_of(y), tail = shape.rows.targets_of(y + (count - 1) * step);
    // Patch row i of row y is patch row i - r of row y + r * step: both read source row y + shift(i).
    const Range sources{std::min(head.begin, tail.begin + count - 1), std::max(head.end, tail.end + count - 1)};
    for (int v = 0; v < layout.vectors; ++v) {
      for (int i = sources.begin; i < sources.end; ++i) {
        for (int c = 0; c < channels; c += tiles.channels) block(y, count, first, channels, v, c, i, sums);
      }
    }
  }

  void block(int y, int count, int first, int channels, int v, int c, int i, T* sums) const {
    WeightedTile<T> tile;
    int rows = 0;
    for (int r = 0; r < count; ++r) {
      const int row = y + r * shape.rows.step;
      if (!shape.rows.targets_of(row).contains(i - r)) continue;
      tile.weights[rows] = weights + (int64_t(row) * layout.vectors + v) * weight_rows() +
                           int64_t(i - r) * layout.count() * layout.lanes;
      tile.sums[rows++] = sums + (int64_t(r) * channels + c) * layout.padded + v * layout.lanes;
    }
    if (rows == 0) return;
    tile.shifts = layout.count();
    tile.step = shape.cols.step;
    tile.values_channel = layout.row;
    tile.sums_channel = layout.padded;
    const int64_t source = int64_t(y + shape.rows.shift(i)) * shape.channels + first + c;
    tile.values = values + source * layout.row + layout.lead + v * layout.lanes + shape.cols.shift(layout.shifts.begin);
    tiles.weighted(rows, std::min(tiles.channels, channels - c), tile);
  }

  // Moves the sums of one group of rows to where they belong in one sample's gradient.
  void unpack(int y, int count, int first, int channels, const T* sums, T* result) const {
    for (int r = 0; r < count; ++r) {
      const int64_t row = y + int64_t(r) * shape.rows.step;
      for (int c = 0; c < channels; ++c, sums += layout.padded) {
        std::copy_n(sums, shape.cols.size, result + (int64_t(first + c) * shape.rows.size + row) * shape.cols.size);
      }
    }
  }
};

}  // namespace

const char* cpu_instruction_set() { return select_tiles<float>().name; }

template <typename T>
void volume_forward_cpu(const T* input1, const T* input2, T* volume, const VolumeShape& shape) {
  const Tiles<T> tiles = select_tiles<T>();
  const Layout layout(shape.cols, tiles.lanes);
  const int height = shape.rows.size, width = shape.cols.size;
  const int64_t map_size = int64_t(shape.channels) * height * width;
  const int64_t volume_size = int64_t(shape.rows.patch) * shape.cols.patch * height * width;
  const Buffer<T> a(int64_t(shape.channels) * height * layout.padded), b(int64_t(shape.channels) * height * layout.row);
  const Forward<T> forward{tiles, layout, shape, a.get(), b.get()};
  for (int64_t n = 0; n < shape.batch; ++n, input1 += map_size, input2 += map_size, volume += volume_size) {
    pack_vectors(input1, a.get(), shape.channels, height, width, layout);
    pack_rows(input2, b.get(), shape.channels, height, width, layout);
    torch::stable::parallel_for(0, height, 1, [&](int64_t begin, int64_t end) {
      const Buffer<T> sums(int64_t(shape.rows.patch) * layout.count() * layout.padded);
      for (int target = int(begin); target < int(end); ++target) {
        const Range pairs = shape.rows.sources_of(target);
        forward.row(target, pairs, sums.get());
        forward.unpack(target, pairs, sums.get(), volume);
      }
    });
  }
}

template <typename T>
void volume_gradient_cpu(const T* grad, const T* map, T* result, const VolumeShape& true_shape, bool mirrored) {
  const VolumeShape shape = mirrored ? true_shape.mirrored() : true_shape;
  const Tiles<T> tiles = select_tiles<T>();
  const Layout layout(shape.cols, tiles.lanes);
  const int height = shape.rows.size, width = shape.cols.size;
  const int64_t map_size = int64_t(shape.channels) * height * width;
  const int64_t volume_size = int64_t(shape.rows.patch) * shape.cols.patch * height * width;
  const Buffer<T> values(int64_t(shape.channels) * height * layout.row);
  const Buffer<T> weights(int64_t(height) * layout.padded * shape.rows.patch * layout.count());
  const Gradient<T> gradient{tiles, layout, shape, mirrored, weights.get(), values.get()};
  const RowGroups groups(shape.rows, WeightedTile<T>::kMaxRows);
  const int64_t blocks = (shape.channels + kBackwardChannels - 1) / kBackwardChannels;
  for (int64_t n = 0; n < shape.batch; ++n, map += map_size, grad += volume_size, result += map_size) {
    pack_rows(map, values.get(), shape.channels, height, width, layout);
    gradient.pack_weights(grad);
    // Rows vary fastest, so that the rows of a block of channels are read again while they are still in the cache.
    torch::stable::parallel_for(0, blocks * groups.count(), 1, [&](int64_t begin, int64_t end) {
      const Buffer<T> sums(int64_t(groups.rows) * kBackwardChannels * layout.padded);
      for (int64_t item = begin; item < end; ++item) {
        const int group = int(item % groups.count()), first = int(item / groups.count()) * kBackwardChannels;
        const int count = groups.length(group), channels = std::min(kBackwardChannels, shape.channels - first);
        if (count == 0) continue;
        gradient.rows(groups.first(group), count, first, channels, sums.get());
        gradient.unpack(groups.first(group), count, first, channels, sums.get(), result);
      }
    });
  }
}

template void volume_forward_cpu(const float*, const float*, float*, const VolumeShape&);
template void volume_forward_cpu(const double*, const double*, double*, const VolumeShape&);
template void volume_gradient_cpu(const float*, const float*, float*, const VolumeShape&, bool);
template void volume_gradient_cpu(const double*, const double*, double*, const VolumeShape&, bool);

}  // namespace mmdet
