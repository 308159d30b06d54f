// Threshold, reset and refractory period at the end of a step, as defined by `firing_rule.fire`.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "table.h"

constexpr std::int64_t kBlock = 8 * kWord;  // neurons whose flags are packed while still in cache

// One number for all neurons (`kOne`), or one per neuron. The compiler vectorises a loop only if it sees that the
// former does not change in it.
template <bool kOne, typename T>
struct Each {
  explicit Each(const T* values) : values(values), first(values[0]) {}
  T operator[](std::int64_t i) const { return kOne ? first : values[i]; }
  const T* values;
  const T first;
};

// Pack 32 bytes that are 0 or 1 into the bits of a word: the product gathers the bits of 8 bytes in the highest byte.
static inline std::uint32_t Pack(const std::uint8_t* flags) {
  std::uint32_t word = 0;
  for (std::int64_t i = 0; i < kWord; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, flags + i, 8);
    word |= static_cast<std::uint32_t>((eight * 0x0102040810204080u) >> 56) << i;
  }
  return word;
}

// Hold, compare with the threshold, reset, and count refractory steps, for up to a block of neurons.
template <bool kOne, typename T>
static inline void Fire(std::int64_t size, const T* __restrict moved, Each<kOne, T> threshold, Each<kOne, T> reset,
                        Each<kOne, std::int32_t> held, T* __restrict v, std::int32_t* __restrict refractory,
                        std::uint32_t* words) {
  std::uint8_t fired[kBlock];
  if (size < kBlock) std::fill(fired + size, fired + kBlock, 0);
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int32_t left = refractory[i];
    const T before = v[i], after = moved[i];
    const T now = left > 0 ? before : after;
    const bool fires = now >= threshold[i];
    v[i] = fires ? reset[i] : now;
    refractory[i] = fires ? held[i] : std::max(left - 1, 0);
    fired[i] = fires;
  }
  for (std::int64_t i = 0; i < size; i += kWord) words[i / kWord] = Pack(fired + i);
}

template <bool kOne, typename T>
static void FireAll(std::int64_t neurons, const T* moved, const T* threshold, const T* reset, const std::int32_t* held,
                    T* v, std::int32_t* refractory, std::uint32_t* words) {
  for (std::int64_t i = 0; i < neurons; i += kBlock) {
    const std::int64_t own = kOne ? 0 : i;
    Fire<kOne, T>(std::min(kBlock, neurons - i), moved + i, Each<kOne, T>(threshold + own), Each<kOne, T>(reset + own),
                  Each<kOne, std::int32_t>(held + own), v + i, refractory + i, words + i / kWord);
  }
}
