// Vectors of single-precision numbers as wide as those of the processor.

#pragma once

#include <cstdint>
#include <cstring>

using Index = std::int64_t;

#ifdef __AVX512F__
constexpr Index kLanes = 16;  // numbers in a vector
#else
constexpr Index kLanes = 8;
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float)), aligned(sizeof(float)), may_alias));

inline Vector Load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
inline void Store(float* to, Vector value) { *reinterpret_cast<Vector*>(to) = value; }
inline void Add(float* to, Vector value) { *reinterpret_cast<Vector*>(to) += value; }
inline Index Up(Index n, Index multiple) { return (n + multiple - 1) / multiple * multiple; }
