// Connections sorted by source, and the order in which the events of a step are visited.
// It is that of `event_paths.by_loop`, so that both agree to the last bit.

#pragma once

#include <algorithm>
#include <cstdint>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

constexpr std::int64_t kWord = 32;  // spikes per word

template <ffi::DataType T>
using Number = ffi::NativeType<T>;

template <ffi::DataType T>
struct Table {
  const Number<T>* weights;
  const std::int32_t* addresses;
  const std::int32_t* offsets;
  std::int64_t count;  // connections
  std::int64_t slots;  // per copy of the network
  std::int64_t turn;   // slots by which the ring is rotated

  // Add the weights of the neurons whose bits are set to the slots that they address.
  void Send(const std::uint32_t* words, std::int64_t neurons, Number<T>* buffer) const {
    for (std::int64_t first = 0; first < neurons; first += kWord) {
      for (std::uint32_t word = words[first / kWord]; word != 0; word &= word - 1) {
        const std::int64_t neuron = first + __builtin_ctz(word);
        if (neuron >= neurons) break;
        const std::int64_t end = std::min<std::int64_t>(offsets[neuron + 1], count);
        for (std::int64_t c = std::max(offsets[neuron], 0); c < end; ++c) {
          const std::int64_t turned = addresses[c] + turn;
          const std::int64_t slot = turned < slots ? turned : turned - slots;
          if (0 <= slot && slot < slots) buffer[slot] += weights[c];  // tables can be modified by hand
        }
      }
    }
  }
};

template <ffi::DataType T>
static Table<T> MakeTable(const ffi::Buffer<T>& weights, const ffi::Buffer<ffi::S32>& addresses,
                          const ffi::Buffer<ffi::S32>& offsets, const ffi::Buffer<ffi::S32>& start, std::int64_t depth,
                          std::int64_t size) {
  return {weights.typed_data(),
          addresses.typed_data(),
          offsets.typed_data(),
          static_cast<std::int64_t>(addresses.element_count()),
          depth * size,
          start.typed_data()[0] * size};
}
