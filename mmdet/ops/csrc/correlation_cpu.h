// Correlation volume and its gradients on the CPU, on plain contiguous arrays.
#pragma once

#include "correlation_geometry.h"

namespace mmdet {

// volume[n][i][j][y][x] = sum over c of input1[n][c][y][x] * input2[n][c][y + rows.shift(i)][x + cols.shift(j)], and
// zero where the second position is outside the map. The volume must come in filled with zeros.
template <typename T>
void volume_forward_cpu(const T* input1, const T* input2, T* volume, const VolumeShape& shape);

// Gradient of the sum over all cells of grad * volume, for input 1 (map is input 2) or, mirrored, for input 2 (map is
// input 1). Every element of the result is written.
template <typename T>
void volume_gradient_cpu(const T* grad, const T* map, T* result, const VolumeShape& shape, bool mirrored);

// Name of the instruction set that this processor gets: "avx512", "avx2" or "generic".
const char* cpu_instruction_set();

}  // namespace mmdet
