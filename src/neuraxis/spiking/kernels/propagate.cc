// Adds the weights of all neurons that spiked to the slots they are addressed to, in place.
// It computes what `event_paths.by_loop` does, and adds in the same order, so that both agree to the last bit.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

template <ffi::DataType T>
static ffi::Error Propagate(ffi::Buffer<T>, ffi::Buffer<ffi::U32> words, ffi::Buffer<T> weights,
                            ffi::Buffer<ffi::S32> addresses, ffi::Buffer<ffi::S32> offsets, ffi::Buffer<ffi::S32> start,
                            std::int64_t depth, std::int64_t size, ffi::Result<ffi::Buffer<T>> buffer) {
  // The first argument is the buffer before the call; it shares its memory with the result.
  const std::int64_t neurons = static_cast<std::int64_t>(offsets.element_count()) - 1;
  const std::int64_t count = static_cast<std::int64_t>(addresses.element_count());
  const std::int64_t slots = depth * size;
  const std::int64_t turn = start.typed_data()[0] * size;
  const std::int32_t* address = addresses.typed_data();
  const auto* weight = weights.typed_data();
  for (std::size_t k = 0; k < words.element_count(); ++k) {
    for (std::uint32_t word = words.typed_data()[k]; word != 0; word &= word - 1) {
      const std::int64_t event = 32 * static_cast<std::int64_t>(k) + __builtin_ctz(word);
      const std::int64_t neuron = event % neurons;
      auto* copy = buffer->typed_data() + event / neurons * slots;
      const std::int64_t end = std::min<std::int64_t>(offsets.typed_data()[neuron + 1], count);
      for (std::int64_t c = std::max(offsets.typed_data()[neuron], 0); c < end; ++c) {
        const std::int64_t turned = address[c] + turn;
        const std::int64_t slot = turned < slots ? turned : turned - slots;
        if (0 <= slot && slot < slots) copy[slot] += weight[c];  // tables can be changed by hand
      }
    }
  }
  return ffi::Error::Success();
}

#define NEURAXIS_PROPAGATE(name, type)                                                                       \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, Propagate<ffi::type>,                                                  \
                                ffi::Ffi::Bind()                                                             \
                                    .Arg<ffi::Buffer<ffi::type>>()                                           \
                                    .Arg<ffi::Buffer<ffi::U32>>()                                            \
                                    .Arg<ffi::Buffer<ffi::type>>()                                           \
                                    .Arg<ffi::Buffer<ffi::S32>>()                                            \
                                    .Arg<ffi::Buffer<ffi::S32>>()                                            \
                                    .Arg<ffi::Buffer<ffi::S32>>()                                            \
                                    .Attr<std::int64_t>("depth")                                             \
                                    .Attr<std::int64_t>("size")                                              \
                                    .Ret<ffi::Buffer<ffi::type>>())

NEURAXIS_PROPAGATE(neuraxis_propagate_float32, F32);
NEURAXIS_PROPAGATE(neuraxis_propagate_float64, F64);
