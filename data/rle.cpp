#include "data/rle.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace lorae::data {
namespace {

/// Adds runs one after the other; neighbours of one kind become one, and empty ones nothing.
class Writer {
 public:
  Writer(std::int64_t height, std::int64_t width) : mask_{height, width, {}} {}

  void add(bool set, std::uint32_t length) {
    if (set != set_ && length > 0) {
      mask_.counts.push_back(run_);
      run_ = 0;
      set_ = set;
    }
    run_ += length;
  }

  Rle done() {
    mask_.counts.push_back(run_);
    return std::move(mask_);
  }

 private:
  Rle mask_;
  bool set_ = false;
  std::uint32_t run_ = 0;
};

/// Reads runs in pieces.
class Reader {
 public:
  explicit Reader(const Rle& mask) : counts_(mask.counts), left_(counts_.empty() ? 0 : counts_[0]) {
    skip_empty();
  }

  bool set() const { return at_ % 2 == 1; }
  std::uint32_t left() const { return left_; }
  bool done() const { return at_ >= counts_.size(); }
  void take(std::uint32_t length) {
    left_ -= length;
    skip_empty();
  }

 private:
  void skip_empty() {
    while (left_ == 0 && at_ < counts_.size()) {
      ++at_;
      left_ = at_ < counts_.size() ? counts_[at_] : 0;
    }
  }

  std::span<const std::uint32_t> counts_;
  std::size_t at_ = 0;
  std::uint32_t left_ = 0;
};

/// Calls visit(of a, of b, length) for each piece where neither changes.
template <typename Visit>
void for_each_piece(const Rle& a, const Rle& b, Visit&& visit) {
  check(a.height == b.height && a.width == b.width, ErrorCode::kInvalidArgument, "[data] masks of ",
        a.height, " x ", a.width, " and of ", b.height, " x ", b.width);
  Reader in_a(a), in_b(b);
  while (!in_a.done() && !in_b.done()) {
    const std::uint32_t length = std::min(in_a.left(), in_b.left());
    visit(in_a.set(), in_b.set(), length);
    in_a.take(length);
    in_b.take(length);
  }
}

}  // namespace

Rle encode_rows(std::span<const std::uint8_t> pixels, std::int64_t height, std::int64_t width) {
  check(std::ssize(pixels) == height * width, ErrorCode::kInvalidArgument,
        "[data] a mask: expected ", height * width, " pixels, got ", pixels.size());
  Writer writer(height, width);
  for (std::int64_t x = 0; x < width; ++x) {
    for (std::int64_t y = 0; y < height; ++y) {
      writer.add(pixels[static_cast<std::size_t>(y * width + x)] != 0, 1);
    }
  }
  return writer.done();
}

Rle encode_columns(std::span<const std::uint8_t> pixels, std::int64_t height, std::int64_t width) {
  check(std::ssize(pixels) == height * width, ErrorCode::kInvalidArgument,
        "[data] a mask: expected ", height * width, " pixels, got ", pixels.size());
  Writer writer(height, width);
  for (auto at = pixels.begin(); at != pixels.end();) {
    const bool set = *at != 0;
    const auto end =
        std::find_if(at, pixels.end(), [set](std::uint8_t pixel) { return (pixel != 0) != set; });
    writer.add(set, static_cast<std::uint32_t>(end - at));
    at = end;
  }
  return writer.done();
}

std::vector<std::uint8_t> decode(const Rle& mask) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(mask.height * mask.width));
  std::int64_t at = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    const std::int64_t end = at + mask.counts[i];
    for (; at < end; ++at) {
      const std::int64_t x = at / mask.height, y = at % mask.height;
      pixels[static_cast<std::size_t>(y * mask.width + x)] = i % 2;
    }
  }
  return pixels;
}

std::int64_t area(const Rle& mask) {
  std::int64_t sum = 0;
  for (std::size_t i = 1; i < mask.counts.size(); i += 2) {
    sum += mask.counts[i];
  }
  return sum;
}

std::int64_t intersection(const Rle& a, const Rle& b) {
  std::int64_t sum = 0;
  for_each_piece(
      a, b, [&](bool of_a, bool of_b, std::uint32_t length) { sum += of_a && of_b ? length : 0; });
  return sum;
}

Box extent(const Rle& mask) {
  std::int64_t left = mask.width, right = 0, top = mask.height, bottom = 0, at = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    const std::int64_t end = at + mask.counts[i];
    if (i % 2 == 1 && end > at) {
      const std::int64_t first = at / mask.height, last = (end - 1) / mask.height;
      left = std::min(left, first);
      right = std::max(right, last + 1);
      const bool one_column = first == last;
      top = std::min(top, one_column ? at % mask.height : 0);
      bottom = std::max(bottom, one_column ? (end - 1) % mask.height + 1 : mask.height);
    }
    at = end;
  }
  if (right <= left) {
    return {};
  }
  const auto real = [](std::int64_t value) { return static_cast<double>(value); };
  return {real(left), real(top), real(right), real(bottom)};
}

Rle joined(std::span<const Rle> masks) {
  check(!masks.empty(), ErrorCode::kInvalidArgument, "[data] joined: expected a mask, got none");
  Rle all = masks[0];
  for (const Rle& mask : masks.subspan(1)) {
    Writer writer(all.height, all.width);
    for_each_piece(all, mask, [&](bool of_all, bool of_mask, std::uint32_t length) {
      writer.add(of_all || of_mask, length);
    });
    all = writer.done();
  }
  return all;
}

std::string to_text(const Rle& mask) {
  std::string text;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    std::int64_t value = mask.counts[i];
    if (i > 2) {
      value -= mask.counts[i - 2];
    }
    for (bool more = true; more;) {
      const auto bits = static_cast<char>(value & 0x1F);
      value >>= 5;
      more = (bits & 0x10) != 0 ? value != -1 : value != 0;
      text += static_cast<char>((bits | (more ? 0x20 : 0)) + 48);
    }
  }
  return text;
}

Result<Rle> from_counts(std::span<const std::int64_t> counts,
                        std::int64_t height,
                        std::int64_t width) {
  constexpr std::int64_t kMost = std::int64_t{1} << 28;  // pixels
  const auto wrong = [](const auto&... parts) {
    return Error(ErrorCode::kCorruptData, str("[data] runs of a mask: ", parts...));
  };
  if (height <= 0 || width <= 0 || width > kMost / height) {
    return wrong("expected the size of a picture, got ", height, " x ", width);
  }
  Rle mask{height, width, {}};
  std::int64_t sum = 0;
  for (const std::int64_t count : counts) {
    if (count < 0 || count > height * width - sum) {
      return wrong("a run of ", count, " pixels after ", sum, " of ", height * width);
    }
    sum += count;
    mask.counts.push_back(static_cast<std::uint32_t>(count));
  }
  if (sum != height * width) {
    return wrong("expected ", height * width, " pixels, got ", sum);
  }
  return mask;
}

Result<Rle> from_text(std::string_view text, std::int64_t height, std::int64_t width) {
  const auto wrong = [](std::size_t at) {
    return Error(ErrorCode::kCorruptData,
                 str("[data] the text of a mask: expected a count at character ", at));
  };
  std::vector<std::int64_t> counts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    std::int64_t value = 0;
    int shift = 0;
    for (bool more = true; more; ++at, shift += 5) {
      if (at == text.size() || shift > 35 || text[at] < 48 || text[at] > 48 + 63) {
        return wrong(begin);
      }
      const std::int64_t bits = text[at] - 48;
      value |= (bits & 0x1F) << shift;
      more = (bits & 0x20) != 0;
      if (!more && (bits & 0x10) != 0) {
        value -= std::int64_t{1} << (shift + 5);
      }
    }
    counts.push_back(counts.size() > 2 ? value + counts[counts.size() - 2] : value);
  }
  return from_counts(counts, height, width);
}

}  // namespace lorae::data
