// Cross-correlation of images with stride 1 in single precision, and its gradient with respect to the kernel. Images
// are (image, row, column, channel) and kernels (row, column, in, out), as in neuraxis.functions.convolution.
//
// A block of results stays in registers while all of its terms are added. The order of the terms does not depend on the
// number of threads, so neither do the results.

#include <algorithm>
#include <utility>
#include <vector>

#include "xla/ffi/api/ffi.h"

// With narrower vectors XLA is as fast, so nothing is defined there.
#if defined(__AVX2__) && defined(__FMA__)

#include "lanes.h"
#include "tasks.h"

namespace ffi = xla::ffi;

constexpr Index kChannels = 8;         // input channels per block of the kernel gradient
constexpr Index kPixels = 1024;        // pixels of an image per addition to the kernel gradient
constexpr Index kNumbers = 64 * 1024;  // numbers of the input per task, which fit into the L2 cache
constexpr Index kTasks = 16;           // minimum number of tasks to aim for

static Index Parts(Index n, Index size) { return (n + size - 1) / size; }

// A thread keeps its vectors from task to task, but not large ones.
static void ReleaseIfLarge(std::vector<float>& kept) {
  if (static_cast<Index>(kept.capacity()) > 4 * kNumbers) std::vector<float>().swap(kept);
}

struct Sizes {
  Index images, rows, columns, channels;  // of the input
  Index high, wide;                       // of the kernel
  Index top, left;                        // zeros before the input
  Index out_rows, out_columns, out;       // of the result

  Index taps() const { return high * wide; }
  Index padded_columns() const { return out_columns + wide - 1; }
};

// Copy the zero-padded input of the result's rows `begin` to `end`: `channels` channels from `first` on, with pixels
// `stride` apart.
static void Window(const Sizes& s, const float* image, Index begin, Index end, Index first, Index channels,
                   Index stride, std::vector<float>& to) {
  const Index count = end - begin + s.high - 1, columns = s.padded_columns();
  to.assign(count * columns * stride, 0.0f);
  const Index from_column = std::max<Index>(0, -s.left);
  const Index until = std::max(from_column, std::min(s.columns, columns - s.left));
  for (Index row = 0; row < count; ++row) {
    const Index source = begin + row - s.top;
    if (source < 0 || source >= s.rows) continue;
    const float* line = image + source * s.columns * s.channels + first;
    float* place = to.data() + (row * columns + s.left) * stride;
    if (channels == s.channels && stride == channels) {
      std::memcpy(place + from_column * stride, line + from_column * channels,
                  (until - from_column) * channels * sizeof(float));
      continue;
    }
    for (Index column = from_column; column < until; ++column) {
      std::memcpy(place + column * stride, line + column * s.channels, channels * sizeof(float));
    }
  }
}

// Compute `Pixels` neighbours in a row, for `Vectors` vectors of output channels.
template <int Pixels, int Vectors>
static void Block(const Sizes& s, const float* window, const float* kernel, float* to, Index outs) {
  Vector sums[Pixels][Vectors] = {};
  const Index channels = s.channels;
  for (Index row = 0; row < s.high; ++row) {
    const float* line = window + row * s.padded_columns() * channels;
    for (Index k = 0; k < s.wide * channels; ++k) {  // the kernel's columns and the channels are contiguous
      Vector weights[Vectors];
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) weights[v] = Load(kernel + v * kLanes);
      kernel += Vectors * kLanes;
#pragma GCC unroll 16
      for (int p = 0; p < Pixels; ++p) {
        const float x = line[p * channels + k];
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) sums[p][v] += x * weights[v];
      }
    }
  }
  for (int p = 0; p < Pixels; ++p) std::memcpy(to + p * s.out, sums[p], outs * sizeof(float));
}

template <int Vectors>
static void Row(const Sizes& s, const float* window, const float* kernel, float* to, Index outs) {
  Index column = 0;
  auto blocks = [&](auto pixels) {
    for (; s.out_columns - column >= pixels; column += pixels) {
      Block<pixels, Vectors>(s, window + column * s.channels, kernel, to + column * s.out, outs);
    }
  };
#ifdef __AVX512F__
  blocks(std::integral_constant<int, 14>());
  blocks(std::integral_constant<int, 7>());
#else
  blocks(std::integral_constant<int, 6>());
#endif
  blocks(std::integral_constant<int, 4>());
  blocks(std::integral_constant<int, 2>());
  blocks(std::integral_constant<int, 1>());
}

// y[i, j, o] = Σ x[i + k − top, j + l − left, c] w[k, l, c, o] over k, l and c.
static ffi::Error Convolve(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> x, ffi::Buffer<ffi::F32> kernel, Index top,
                           Index left, ffi::Result<ffi::Buffer<ffi::F32>> y) {
  if (y->element_count() == 0) return ffi::Error::Success();
  const auto in = x.dimensions(), window = kernel.dimensions(), out = y->dimensions();
  const Sizes s{in[0], in[1], in[2], in[3], window[0], window[1], top, left, out[1], out[2], out[3]};
  constexpr Index kOuts = 2 * kLanes;
  const Index depth = s.taps() * s.channels;

  // The output channels of a block become contiguous, padded with zeros.
  std::vector<float> packed(depth * Up(s.out, kOuts));
  ForEach(pool, Parts(s.out, kOuts), [&](Index block) {
    const Index first = block * kOuts, outs = std::min(kOuts, s.out - first), stride = outs > kLanes ? kOuts : kLanes;
    for (Index k = 0; k < depth; ++k) {
      std::memcpy(packed.data() + first * depth + k * stride, kernel.typed_data() + k * s.out + first,
                  outs * sizeof(float));
    }
  });

  const Index fitting = std::max<Index>(1, kNumbers / (s.padded_columns() * s.channels));
  const Index shared = Parts(s.out_rows, Parts(kTasks, s.images));
  const Index height = std::min({fitting, shared, s.out_rows}), bands = Parts(s.out_rows, height);
  ForEach(pool, s.images * bands, [&](Index task) {
    const Index image = task / bands, begin = task % bands * height, end = std::min(begin + height, s.out_rows);
    thread_local std::vector<float> seen;
    Window(s, x.typed_data() + image * s.rows * s.columns * s.channels, begin, end, 0, s.channels, s.channels, seen);
    float* to = y->typed_data() + (image * s.out_rows + begin) * s.out_columns * s.out;
    for (Index first = 0; first < s.out; first += kOuts) {
      const Index outs = std::min(kOuts, s.out - first);
      for (Index row = 0; row < end - begin; ++row) {
        (outs > kLanes ? Row<2> : Row<1>)(s, seen.data() + row * s.padded_columns() * s.channels,
                                           packed.data() + first * depth, to + row * s.out_columns * s.out + first,
                                           outs);
      }
    }
    ReleaseIfLarge(seen);
  });
  return ffi::Error::Success();
}

// Add Σ x dyᵀ over the pixels of some rows, for a block of input channels and `Vectors` vectors of output channels.
template <int Vectors>
static void Products(const Sizes& s, const float* window, const float* dy, Index rows, Index dy_stride, float* to,
                     Index to_stride) {
  Vector sums[kChannels][Vectors] = {};
  for (Index row = 0; row < rows; ++row) {
    const float* x = window + row * s.padded_columns() * kChannels;
    for (Index column = 0; column < s.out_columns; ++column) {
      Vector slopes[Vectors];
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) slopes[v] = Load(dy + v * kLanes);
      dy += dy_stride;
#pragma GCC unroll 8
      for (Index c = 0; c < kChannels; ++c) {
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) sums[c][v] += x[c] * slopes[v];
      }
      x += kChannels;
    }
  }
  for (Index c = 0; c < kChannels; ++c) {
    for (int v = 0; v < Vectors; ++v) Add(to + c * to_stride + v * kLanes, sums[c][v]);
  }
}

// dw[k, l, c, o] = Σ x[i + k − top, j + l − left, c] dy[i, j, o] over images, i and j.
static ffi::Error KernelGradient(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> x, ffi::Buffer<ffi::F32> dy, Index top,
                                 Index left, ffi::Result<ffi::Buffer<ffi::F32>> dw) {
  if (dy.element_count() == 0) {
    std::fill_n(dw->typed_data(), dw->element_count(), 0.0f);
    return ffi::Error::Success();
  }
  const auto in = x.dimensions(), window = dw->dimensions(), out = dy.dimensions();
  const Sizes s{in[0], in[1], in[2], in[3], window[0], window[1], top, left, out[1], out[2], out[3]};
  const Index blocks = Parts(s.channels, kChannels), outs = Up(s.out, kLanes);
  const Index parts = std::min(s.images, Parts(kTasks, blocks));
  const Index tap = Up(s.channels, kChannels) * outs;  // numbers of the gradient for one place of the kernel
  const Index height = std::min(s.out_rows, std::max<Index>(1, kPixels / s.out_columns));

  std::vector<float> sums(parts * s.taps() * tap);
  ForEach(pool, parts * blocks, [&](Index task) {
    const Index part = task / blocks, first = task % blocks * kChannels;
    const Index channels = std::min(kChannels, s.channels - first);
    thread_local std::vector<float> seen, filled;
    for (Index image = part * s.images / parts; image < (part + 1) * s.images / parts; ++image) {
      const float* from = x.typed_data() + image * s.rows * s.columns * s.channels;
      for (Index begin = 0; begin < s.out_rows; begin += height) {
        const Index end = std::min(begin + height, s.out_rows), pixels = (end - begin) * s.out_columns;
        Window(s, from, begin, end, first, channels, kChannels, seen);
        const float* slopes = dy.typed_data() + (image * s.out_rows + begin) * s.out_columns * s.out;
        if (outs != s.out) {
          filled.assign(pixels * outs, 0.0f);
          for (Index p = 0; p < pixels; ++p) {
            std::memcpy(filled.data() + p * outs, slopes + p * s.out, s.out * sizeof(float));
          }
          slopes = filled.data();
        }
        for (Index k = 0; k < s.taps(); ++k) {
          const float* corner = seen.data() + (k / s.wide * s.padded_columns() + k % s.wide) * kChannels;
          float* to = sums.data() + (part * s.taps() + k) * tap + first * outs;
          Index o = 0;
          for (; o + 2 * kLanes <= outs; o += 2 * kLanes) {
            Products<2>(s, corner, slopes + o, end - begin, outs, to + o, outs);
          }
          for (; o < outs; o += kLanes) Products<1>(s, corner, slopes + o, end - begin, outs, to + o, outs);
        }
      }
    }
    ReleaseIfLarge(seen);
    ReleaseIfLarge(filled);
  });
  ForEach(pool, s.taps(), [&](Index k) {
    for (Index c = 0; c < s.channels; ++c) {
      float* to = dw->typed_data() + (k * s.channels + c) * s.out;
      const float* from = sums.data() + k * tap + c * outs;
      std::memcpy(to, from, s.out * sizeof(float));
      for (Index part = 1; part < parts; ++part) {
        from += s.taps() * tap;
        for (Index o = 0; o < s.out; ++o) to[o] += from[o];
      }
    }
  });
  return ffi::Error::Success();
}

#define NEURAXIS_CONVOLUTION(name, function)                  \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, function,               \
                                ffi::Ffi::Bind()              \
                                    .Ctx<ffi::ThreadPool>()   \
                                    .Arg<ffi::Buffer<ffi::F32>>() \
                                    .Arg<ffi::Buffer<ffi::F32>>() \
                                    .Attr<Index>("top")       \
                                    .Attr<Index>("left")      \
                                    .Ret<ffi::Buffer<ffi::F32>>())

NEURAXIS_CONVOLUTION(neuraxis_convolve, Convolve);
NEURAXIS_CONVOLUTION(neuraxis_kernel_gradient, KernelGradient);

#endif
