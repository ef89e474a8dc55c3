// What a register tile of the CPU correlation reads and writes. All strides count elements.
#pragma once

#include <cstddef>

namespace mmdet {

// sums[r][j][x] += sum over channels of a[r][c][x] * b[c][x + j * step], x over one vector of columns.
template <typename T>
struct ProductTile {
  static constexpr int kMaxRows = 8;
  const T* a[kMaxRows];  // per row: channels x vector, without gaps
  const T* b;
  T* sums;
  std::ptrdiff_t b_channel, sums_row, sums_shift;
  int channels, step;
};

// sums[r][c][x] += sum over shifts of weights[r][j][x] * values[c][x + j * step], x over one vector of columns.
template <typename T>
struct WeightedTile {
  static constexpr int kMaxRows = 4;
  const T* weights[kMaxRows];  // per row: shifts x vector, without gaps
  const T* values;
  T* sums[kMaxRows];
  std::ptrdiff_t values_channel, sums_channel;
  int shifts, step;
};

// The tiles of one instruction set: how many elements a vector has, how large a tile may be, and the code.
template <typename T>
struct Tiles {
  const char* name;
  int lanes, rows, shifts, channels;
  void (*product)(int rows, int shifts, const ProductTile<T>& tile);
  void (*weighted)(int rows, int channels, const WeightedTile<T>& tile);
};

}  // namespace mmdet
