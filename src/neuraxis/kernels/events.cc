// The part of a network step that follows the membrane equation: spikes, and the events that they cause.
// Both functions agree with their JAX counterparts to the last bit.

#include <cstdint>

#include "fire.h"
#include "table.h"
#include "xla/ffi/api/ffi.h"

template <ffi::DataType T>
static ffi::Error Propagate(ffi::Buffer<T>, ffi::Buffer<ffi::U32> words, ffi::Buffer<T> weights,
                            ffi::Buffer<ffi::S32> addresses, ffi::Buffer<ffi::S32> offsets, ffi::Buffer<ffi::S32> start,
                            std::int64_t depth, std::int64_t size, ffi::Result<ffi::Buffer<T>> buffer) {
  // The first argument is the buffer before the call; it shares its memory with the result.
  const auto table = MakeTable<T>(weights, addresses, offsets, start, depth, size);
  const std::int64_t neurons = static_cast<std::int64_t>(offsets.element_count()) - 1;
  const std::int64_t row = (neurons + kWord - 1) / kWord;
  for (std::int64_t copy = 0; copy < words.dimensions()[0]; ++copy) {
    table.Send(words.typed_data() + copy * row, neurons, buffer->typed_data() + copy * table.slots);
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

// With narrower vectors JAX alone is faster, so the functions below are left out.
#ifdef __AVX2__

template <ffi::DataType T>
static ffi::Error FireAndSend(ffi::Buffer<T> moved, ffi::Buffer<T>, ffi::Buffer<ffi::S32>, ffi::Buffer<T>,
                              ffi::Buffer<T> threshold, ffi::Buffer<T> reset, ffi::Buffer<ffi::S32> held,
                              ffi::Buffer<T> weights, ffi::Buffer<ffi::S32> addresses, ffi::Buffer<ffi::S32> offsets,
                              ffi::Buffer<ffi::S32> start, std::int64_t depth, std::int64_t size,
                              ffi::Result<ffi::Buffer<T>> v, ffi::Result<ffi::Buffer<ffi::S32>> refractory,
                              ffi::Result<ffi::Buffer<T>> buffer, ffi::Result<ffi::Buffer<ffi::U32>> words) {
  // v, refractory and buffer before the call share their memory with the results.
  const auto table = MakeTable<T>(weights, addresses, offsets, start, depth, size);
  const std::int64_t neurons = static_cast<std::int64_t>(offsets.element_count()) - 1;
  const std::int64_t copies = static_cast<std::int64_t>(v->element_count()) / neurons;
  const std::int64_t row = (neurons + kWord - 1) / kWord;
  const bool one = threshold.dimensions().size() == 0;
  for (std::int64_t copy = 0; copy < copies; ++copy) {
    const std::int64_t first = copy * neurons, own = one ? 0 : first;
    (one ? FireAll<true, Number<T>> : FireAll<false, Number<T>>)(
        neurons, moved.typed_data() + first, threshold.typed_data() + own, reset.typed_data() + own,
        held.typed_data() + own, v->typed_data() + first, refractory->typed_data() + first,
        words->typed_data() + copy * row);
    table.Send(words->typed_data() + copy * row, neurons, buffer->typed_data() + copy * table.slots);
  }
  return ffi::Error::Success();
}

#define NEURAXIS_FIRE(name, type)                                                                            \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, FireAndSend<ffi::type>,                                                \
                                ffi::Ffi::Bind()                                                             \
                                    .Arg<ffi::Buffer<ffi::type>>()                                           \
                                    .Arg<ffi::Buffer<ffi::type>>()                                           \
                                    .Arg<ffi::Buffer<ffi::S32>>()                                            \
                                    .Arg<ffi::Buffer<ffi::type>>()                                           \
                                    .Arg<ffi::Buffer<ffi::type>>()                                           \
                                    .Arg<ffi::Buffer<ffi::type>>()                                           \
                                    .Arg<ffi::Buffer<ffi::S32>>()                                            \
                                    .Arg<ffi::Buffer<ffi::type>>()                                           \
                                    .Arg<ffi::Buffer<ffi::S32>>()                                            \
                                    .Arg<ffi::Buffer<ffi::S32>>()                                            \
                                    .Arg<ffi::Buffer<ffi::S32>>()                                            \
                                    .Attr<std::int64_t>("depth")                                             \
                                    .Attr<std::int64_t>("size")                                              \
                                    .Ret<ffi::Buffer<ffi::type>>()                                           \
                                    .Ret<ffi::Buffer<ffi::S32>>()                                            \
                                    .Ret<ffi::Buffer<ffi::type>>()                                           \
                                    .Ret<ffi::Buffer<ffi::U32>>())

NEURAXIS_FIRE(neuraxis_fire_float32, F32);
NEURAXIS_FIRE(neuraxis_fire_float64, F64);

#endif
