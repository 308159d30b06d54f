// Group normalisation in single precision, optionally followed by SiLU, and its gradient. Images are
// (image, place, channel); the statistics are those of an image and a group of neighbouring channels.
//
// An image is read from memory once: it stays in the cache while its moments are found and used.

#include <algorithm>
#include <cmath>
#include <vector>

#include "xla/ffi/api/ffi.h"

// With narrower vectors XLA is as fast, so nothing is defined there.
#if defined(__AVX2__) && defined(__FMA__)

#include "lanes.h"
#include "tasks.h"

namespace ffi = xla::ffi;
using Floats = ffi::Buffer<ffi::F32>;

typedef std::int32_t Integers __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

constexpr Index kRun = 256;  // places that are added up in single precision

struct Sizes {
  Index images, places, channels, groups;

  Index padded() const { return Up(channels, kLanes); }
  Index image() const { return places * channels; }
  Index count(Index channel) const { return std::min(kLanes, channels - channel); }  // channels of a vector from there
};

static Vector Same(float value) { return Vector{} + value; }

// The first `count` numbers, followed by zeros.
static Vector LoadSome(const float* from, Index count) {
  if (count == kLanes) return Load(from);
  Vector some = {};
  std::memcpy(&some, from, count * sizeof(float));
  return some;
}

static void StoreSome(float* to, Vector value, Index count) {
  if (count == kLanes) return Store(to, value);
  std::memcpy(to, &value, count * sizeof(float));
}

// e^x, by e^x = 2^n e^f with |f| ≤ ln(2)/2 and the series of e^f, which is exact to the last bit or two.
static Vector Exp(Vector x) {
  const Vector highest = Same(88.0f), lowest = Same(-87.0f);
  x = x > highest ? highest : x;
  x = x < lowest ? lowest : x;
  const Vector shift = Same(12582912.0f);  // 1.5 · 2^23: adding it rounds to whole numbers
  const Vector n = (x * 1.44269504f + shift) - shift;
  const Vector f = (x - n * 0.693145752f) - n * 1.42860677e-6f;  // ln 2 in two parts, the first with trailing zeros
  Vector sum = Same(1.0f / 5040);
  for (float factor : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) sum = sum * f + factor;
  const Integers power = (__builtin_convertvector(n, Integers) + 127) << 23;
  return sum * reinterpret_cast<const Vector&>(power);
}

static Vector Logistic(Vector x) { return 1.0f / (1.0f + Exp(-x)); }

// x̂ = ((x − origin) − shift) scale, where origin + shift is the mean and scale = 1/√(σ² + ε), for each channel.
struct Normaliser {
  std::vector<float> origin, shift, scale;

  Vector operator()(Vector x, Index channel) const {
    return ((x - Load(&origin[channel])) - Load(&shift[channel])) * Load(&scale[channel]);
  }
};

// Add term(place, channel), a vector for the channels from `channel` on, over all places.
template <typename Term>
static void Sum(const Sizes& s, Index channel, const Term& term, double* sums) {
  for (Index begin = 0; begin < s.places; begin += kRun) {
    Vector run = {};
    for (Index place = begin; place < std::min(begin + kRun, s.places); ++place) run += term(place, channel);
    for (Index lane = 0; lane < kLanes; ++lane) sums[channel + lane] += run[lane];
  }
}

// Replace the sums of the channels by the mean over their group's channels and all places.
static void Average(const Sizes& s, std::vector<double>& sums) {
  const Index size = s.channels / s.groups;
  for (Index first = 0; first < s.channels; first += size) {
    double sum = 0;
    for (Index c = first; c < first + size; ++c) sum += sums[c];
    std::fill_n(&sums[first], size, sum / (size * s.places));
  }
}

static Normaliser Moments(const Sizes& s, const float* x, float epsilon) {
  const Index padded = s.padded(), size = s.channels / s.groups;
  Normaliser normal{std::vector<float>(padded), std::vector<float>(padded), std::vector<float>(padded)};
  for (Index c = 0; c < s.channels; ++c) normal.origin[c] = x[c / size * size];
  std::vector<double> sums(padded);
  auto shifted = [&](Index place, Index channel) {
    return LoadSome(x + place * s.channels + channel, s.count(channel)) -
           Load(&normal.origin[channel]);
  };
  for (Index c = 0; c < padded; c += kLanes) Sum(s, c, shifted, sums.data());
  Average(s, sums);
  std::copy_n(sums.data(), s.channels, normal.shift.data());
  std::fill(sums.begin(), sums.end(), 0.0);
  auto squared = [&](Index place, Index channel) {
    const Vector centred = shifted(place, channel) - Load(&normal.shift[channel]);
    return centred * centred;
  };
  for (Index c = 0; c < padded; c += kLanes) Sum(s, c, squared, sums.data());
  Average(s, sums);
  for (Index c = 0; c < s.channels; ++c) normal.scale[c] = 1.0 / std::sqrt(sums[c] + epsilon);
  return normal;
}

static std::vector<float> Padded(const Sizes& s, const Floats& channels) {
  std::vector<float> padded(s.padded());
  std::copy_n(channels.typed_data(), s.channels, padded.data());
  return padded;
}

static Sizes SizesOf(const Floats& x, Index groups) {
  const auto shape = x.dimensions();
  return {shape[0], shape[1], shape[2], groups};
}

// y = γx̂ + β, or SiLU of it.
static ffi::Error GroupNorm(ffi::ThreadPool pool, Floats x, Floats gamma, Floats beta, Floats epsilon, Index groups,
                            bool silu, ffi::Result<Floats> y) {
  const Sizes s = SizesOf(x, groups);
  const std::vector<float> factors = Padded(s, gamma), offsets = Padded(s, beta);
  ForEach(pool, s.images, [&](Index image) {
    const float* from = x.typed_data() + image * s.image();
    float* to = y->typed_data() + image * s.image();
    const Normaliser normal = Moments(s, from, *epsilon.typed_data());
    for (Index place = 0; place < s.places; ++place) {
      for (Index c = 0; c < s.channels; c += kLanes) {
        const Index at = place * s.channels + c, count = s.count(c);
        Vector value = normal(LoadSome(from + at, count), c) * Load(&factors[c]) + Load(&offsets[c]);
        if (silu) value *= Logistic(value);
        StoreSome(to + at, value, count);
      }
    }
  });
  return ffi::Error::Success();
}

// The gradients with respect to x, and for each image those with respect to γ, β and ε, of Σ dy y.
static ffi::Error Gradient(ffi::ThreadPool pool, Floats x, Floats gamma, Floats beta, Floats epsilon, Index groups,
                           bool silu, Floats dy, ffi::Result<Floats> dx, ffi::Result<Floats> dgamma,
                           ffi::Result<Floats> dbeta, ffi::Result<Floats> depsilon) {
  const Sizes s = SizesOf(x, groups);
  const Index padded = s.padded();
  const std::vector<float> factors = Padded(s, gamma), offsets = Padded(s, beta);
  ForEach(pool, s.images, [&](Index image) {
    const float* from = x.typed_data() + image * s.image();
    const float* slopes = dy.typed_data() + image * s.image();
    float* to = dx->typed_data() + image * s.image();
    const Normaliser normal = Moments(s, from, *epsilon.typed_data());

    // Into dx for now: u, the gradient with respect to γx̂ + β.
    std::vector<double> along(padded), mean(padded);  // Σ u x̂ and Σ u over the places
    for (Index c = 0; c < s.channels; c += kLanes) {
      const Index count = s.count(c);
      for (Index begin = 0; begin < s.places; begin += kRun) {
        Vector run_along = {}, run = {};
        for (Index place = begin; place < std::min(begin + kRun, s.places); ++place) {
          const Index at = place * s.channels + c;
          const Vector unit = normal(LoadSome(from + at, count), c);
          Vector u = LoadSome(slopes + at, count);
          if (silu) {
            const Vector value = unit * Load(&factors[c]) + Load(&offsets[c]), part = Logistic(value);
            u *= part * (1.0f + value * (1.0f - part));
          }
          run_along += u * unit;
          run += u;
          StoreSome(to + at, u, count);
        }
        for (Index lane = 0; lane < kLanes; ++lane) {
          along[c + lane] += run_along[lane];
          mean[c + lane] += run[lane];
        }
      }
    }
    double total = 0;
    for (Index c = 0; c < s.channels; ++c) {
      dgamma->typed_data()[image * s.channels + c] = along[c];
      dbeta->typed_data()[image * s.channels + c] = mean[c];
      along[c] *= factors[c];
      mean[c] *= factors[c];
      total += along[c] * normal.scale[c] * normal.scale[c];
    }
    depsilon->typed_data()[image] = -0.5 * total;
    Average(s, along);
    Average(s, mean);

    const std::vector<float> slope(along.begin(), along.end()), level(mean.begin(), mean.end());
    for (Index place = 0; place < s.places; ++place) {
      for (Index c = 0; c < s.channels; c += kLanes) {
        const Index at = place * s.channels + c, count = s.count(c);
        const Vector unit = normal(LoadSome(from + at, count), c);
        const Vector u = LoadSome(to + at, count) * Load(&factors[c]);
        StoreSome(to + at, (u - Load(&level[c]) - unit * Load(&slope[c])) * Load(&normal.scale[c]), count);
      }
    }
  });
  return ffi::Error::Success();
}

// x, γ, β, ε and the settings of both functions.
static auto Common() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Arg<Floats>()
      .Arg<Floats>()
      .Arg<Floats>()
      .Arg<Floats>()
      .Attr<Index>("groups")
      .Attr<bool>("silu");
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(neuraxis_group_norm, GroupNorm, Common().Ret<Floats>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(neuraxis_group_norm_gradient, Gradient,
                              Common().Arg<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>());

#endif
