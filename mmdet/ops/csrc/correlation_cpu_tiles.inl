// Register tiles of the CPU correlation for one instruction set.
//
// Included once per instruction set, with MMDET_ISA (a namespace), MMDET_TARGET (function attribute),
// MMDET_VECTOR_BYTES and the largest tile MMDET_ROWS x MMDET_SHIFTS and MMDET_CHANNELS defined. It uses GNU vector
// extensions and no library code, so that no function compiled for a newer processor leaks into the rest of the binary.

namespace mmdet::MMDET_ISA {

template <typename T>
struct Vector {
  static constexpr int lanes = MMDET_VECTOR_BYTES / sizeof(T);
  typedef T type __attribute__((vector_size(MMDET_VECTOR_BYTES), aligned(sizeof(T)), may_alias));
};

// Sets and reads through references: a vector as argument or result would depend on the processor's calling convention.
template <typename T>
MMDET_TARGET inline __attribute__((always_inline)) const typename Vector<T>::type& at(const T* p) {
  return *reinterpret_cast<const typename Vector<T>::type*>(p);
}

template <typename T>
MMDET_TARGET inline __attribute__((always_inline)) typename Vector<T>::type& at(T* p) {
  return *reinterpret_cast<typename Vector<T>::type*>(p);
}

template <typename T, int R, int J>
MMDET_TARGET void product_tile(const ProductTile<T>& tile) {
  const ProductTile<T> t = tile;
  typename Vector<T>::type sums[R][J];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int j = 0; j < J; ++j) sums[r][j] = at(t.sums + r * t.sums_row + j * t.sums_shift);
  for (int c = 0; c < t.channels; ++c) {
    typename Vector<T>::type a[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) a[r] = at(t.a[r] + c * Vector<T>::lanes);
#pragma GCC unroll 16
    for (int j = 0; j < J; ++j) {
      const typename Vector<T>::type b = at(t.b + c * t.b_channel + j * t.step);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sums[r][j] += a[r] * b;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int j = 0; j < J; ++j) at(t.sums + r * t.sums_row + j * t.sums_shift) = sums[r][j];
}

template <typename T, int R, int C>
MMDET_TARGET void weighted_tile(const WeightedTile<T>& tile) {
  const WeightedTile<T> t = tile;
  typename Vector<T>::type sums[R][C];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) sums[r][c] = at(t.sums[r] + c * t.sums_channel);
  for (int j = 0; j < t.shifts; ++j) {
    typename Vector<T>::type weights[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) weights[r] = at(t.weights[r] + j * Vector<T>::lanes);
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      const typename Vector<T>::type value = at(t.values + c * t.values_channel + j * t.step);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sums[r][c] += weights[r] * value;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) at(t.sums[r] + c * t.sums_channel) = sums[r][c];
}

template <typename T, int R = MMDET_ROWS, int J = MMDET_SHIFTS>
void product(int rows, int shifts, const ProductTile<T>& tile) {
  if constexpr (R > 1) {
    if (rows < R) return product<T, R - 1, J>(rows, shifts, tile);
  }
  if constexpr (J > 1) {
    if (shifts < J) return product<T, R, J - 1>(rows, shifts, tile);
  }
  product_tile<T, R, J>(tile);
}

template <typename T, int R = WeightedTile<T>::kMaxRows, int C = MMDET_CHANNELS>
void weighted(int rows, int channels, const WeightedTile<T>& tile) {
  if constexpr (R > 1) {
    if (rows < R) return weighted<T, R - 1, C>(rows, channels, tile);
  }
  if constexpr (C > 1) {
    if (channels < C) return weighted<T, R, C - 1>(rows, channels, tile);
  }
  weighted_tile<T, R, C>(tile);
}

template <typename T>
Tiles<T> tiles(const char* name) {
  return {name, Vector<T>::lanes, MMDET_ROWS, MMDET_SHIFTS, MMDET_CHANNELS, &product<T>, &weighted<T>};
}

}  // namespace mmdet::MMDET_ISA

#undef MMDET_ISA
#undef MMDET_TARGET
#undef MMDET_VECTOR_BYTES
#undef MMDET_ROWS
#undef MMDET_SHIFTS
#undef MMDET_CHANNELS
