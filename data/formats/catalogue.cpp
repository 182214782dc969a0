#include "data/formats/catalogue.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <type_traits>

#include "base/error.h"

namespace lorae::data {
namespace {

/// What stands before the arrays of a piece: how long each is.
struct Front {
  std::uint64_t shared = 0, pictures = 0, things = 0, outline_ends = 0, polygon_ends = 0,
                places = 0, names = 0;
};

constexpr std::uint64_t kTextsEach = 3;  // a picture's folder, its mask's, its domain
constexpr double kWhole = 0x1p31;        // of a picture's side
constexpr std::uint32_t kMostLabel = (1U << 31U) - 1;

}  // namespace

bool Labelled::add(Object object) {
  auto digest = static_cast<std::size_t>(object.label);
  for (const double side : {object.box.x1, object.box.y1, object.box.x2, object.box.y2}) {
    digest = digest * 31 + std::hash<double>{}(side);
  }
  const auto [begin, end] = places_.equal_range(digest);
  if (std::any_of(begin, end, [&](const auto& place) { return objects[place.second] == object; })) {
    return false;
  }
  places_.emplace(digest, objects.size());
  objects.push_back(std::move(object));
  return true;
}

std::int64_t main_class(const std::vector<Object>& objects) {
  std::map<std::int64_t, std::pair<std::int64_t, double>> sums;
  for (const Object& object : objects) {
    if (!object.ignored) {
      auto& [count, area] = sums[object.label];
      ++count;
      area += object.box.area();
    }
  }
  const auto most = std::ranges::max_element(sums, {}, [](const auto& sum) { return sum.second; });
  return most == sums.end() ? -1 : most->first;
}

Catalogue::Place Catalogue::place_of(Point point) {
  const auto parts = [](double fraction) {
    return static_cast<std::uint32_t>(std::lround(std::clamp(fraction, 0.0, 1.0) * kWhole));
  };
  return {parts(point.x), parts(point.y)};
}

Point Catalogue::point_of(Place place) {
  return {static_cast<double>(place.x) / kWhole, static_cast<double>(place.y) / kWhole};
}

void Catalogue::add(const Labelled& picture) {
  if (pieces_.empty() || std::ssize(pieces_.back().pictures) == kPiece) {
    pieces_.push_back({.begin = size()});
  }
  Piece& piece = pieces_.back();
  for (const Object& object : picture.objects) {
    for (const Polygon& polygon : object.polygons) {
      for (const Point& point : polygon) {
        piece.places.push_back(place_of(point));
      }
      piece.polygon_ends.push_back(small(piece.places.size()));
    }
    piece.things.push_back({.first = place_of({object.box.x1, object.box.y1}),
                            .last = place_of({object.box.x2, object.box.y2}),
                            .label = static_cast<std::uint32_t>(object.label) & kMostLabel,
                            .ignored = object.ignored ? 1U : 0U});
    if (!piece.polygon_ends.empty()) {
      piece.outline_ends.resize(piece.things.size() - 1);  // those before the first have none
      piece.outline_ends.push_back(small(piece.polygon_ends.size()));
    }
  }
  piece.pictures.push_back({.picture = shared_.packed(picture.picture.native(), piece.names),
                            .mask = shared_.packed(picture.mask.native(), piece.names),
                            .domain = shared_.number(picture.domain),
                            .height = static_cast<std::int32_t>(picture.size.height),
                            .width = static_cast<std::int32_t>(picture.size.width),
                            .label = static_cast<std::int32_t>(main_class(picture.objects)),
                            .objects_end = small(piece.things.size())});
}

Catalogue::Found Catalogue::at(std::int64_t index) const {
  if (index < 0 || index >= size()) {
    throw std::out_of_range(str("there is no picture ", index));
  }
  const auto after = std::ranges::upper_bound(pieces_, index, {}, &Piece::begin);
  const Piece& piece = *std::prev(after);
  return {piece, static_cast<std::size_t>(index - piece.begin)};
}

std::filesystem::path Catalogue::picture(std::int64_t index) const {
  const Found found = at(index);
  return shared_.path((*found).picture, found.piece.names);
}

std::filesystem::path Catalogue::mask(std::int64_t index) const {
  const Found found = at(index);
  return shared_.path((*found).mask, found.piece.names);
}

std::string Catalogue::domain(std::int64_t index) const {
  return shared_.at((*at(index)).domain);
}

PictureSize Catalogue::picture_size(std::int64_t index) const {
  const Found found = at(index);
  return {.height = (*found).height, .width = (*found).width};
}

std::int64_t Catalogue::label(std::int64_t index) const {
  return (*at(index)).label;
}

bool Catalogue::has_polygons() const {
  return std::ranges::any_of(pieces_,
                             [](const Piece& piece) { return !piece.polygon_ends.empty(); });
}

std::vector<Object> Catalogue::objects(std::int64_t index) const {
  const Found found = at(index);
  return found.piece.objects(found.place);
}

std::vector<Object> Catalogue::Piece::objects(std::size_t picture) const {
  const std::size_t end = pictures[picture].objects_end;
  std::vector<Object> objects;
  for (std::size_t i = picture == 0 ? 0 : pictures[picture - 1].objects_end; i < end; ++i) {
    const Thing& thing = things[i];
    const Point first = point_of(thing.first), last = point_of(thing.last);
    Object& object = objects.emplace_back(Object{.label = thing.label,
                                                 .box = {first.x, first.y, last.x, last.y},
                                                 .ignored = thing.ignored != 0});
    if (outline_ends.empty()) {
      continue;
    }
    for (std::size_t k = i == 0 ? 0 : outline_ends[i - 1]; k < outline_ends[i]; ++k) {
      Polygon& polygon = object.polygons.emplace_back();
      for (std::size_t p = k == 0 ? 0 : polygon_ends[k - 1]; p < polygon_ends[k]; ++p) {
        polygon.push_back(point_of(places[p]));
      }
    }
  }
  return objects;
}

std::vector<ByteView> Catalogue::last_piece(std::string& front) const {
  const Piece& piece = pieces_.back();
  const std::string shared = shared_.from(told_);
  const Front lengths{.shared = shared.size(),
                      .pictures = piece.pictures.size(),
                      .things = piece.things.size(),
                      .outline_ends = piece.outline_ends.size(),
                      .polygon_ends = piece.polygon_ends.size(),
                      .places = piece.places.size(),
                      .names = piece.names.size()};
  front.assign(reinterpret_cast<const char*>(&lengths), sizeof(lengths));
  front += shared;
  const auto all = [](const auto& values) { return bytes_of(std::span(values)); };
  return {view_of(front),          all(piece.pictures), all(piece.things), all(piece.outline_ends),
          all(piece.polygon_ends), all(piece.places),   all(piece.names)};
}

void Catalogue::clear() {
  told_ = shared_.size();
  pieces_.clear();
}

bool Catalogue::add_piece(const std::function<bool(std::span<std::byte>)>& take,
                          std::uint64_t bytes) {
  Front lengths;
  if (bytes < sizeof(lengths) || !take(std::as_writable_bytes(std::span(&lengths, 1)))) {
    return false;
  }
  std::uint64_t left = bytes - sizeof(lengths);
  const auto taken = [&](auto& values, std::uint64_t count) {
    using Value = typename std::remove_reference_t<decltype(values)>::value_type;
    if (count > left / sizeof(Value)) {
      return false;
    }
    left -= count * sizeof(Value);
    values.resize(count);
    return count == 0 || take(std::as_writable_bytes(std::span(values)));
  };
  std::string shared;
  Piece piece{.begin = size()};
  const bool whole =
      taken(shared, lengths.shared) && taken(piece.pictures, lengths.pictures) &&
      taken(piece.things, lengths.things) && taken(piece.outline_ends, lengths.outline_ends) &&
      taken(piece.polygon_ends, lengths.polygon_ends) && taken(piece.places, lengths.places) &&
      taken(piece.names, lengths.names) && !piece.pictures.empty();
  if (!whole || !shared_.add_all(shared, kTextsEach * lengths.pictures) || !sound(piece)) {
    return false;
  }
  pieces_.push_back(std::move(piece));
  return true;
}

/// Every number that is a place lies in what it points into.
bool Catalogue::sound(const Piece& piece) const {
  std::uint64_t before = 0;
  const auto grows = [&](std::uint64_t end, std::size_t limit) {
    return before <= end && end <= limit && (before = end, true);
  };
  for (const std::uint64_t end : piece.polygon_ends) {
    if (!grows(end, piece.places.size())) {
      return false;
    }
  }
  before = 0;
  for (const std::uint64_t end : piece.outline_ends) {
    if (!grows(end, piece.polygon_ends.size())) {
      return false;
    }
  }
  before = 0;
  const auto known = [&](PackedPath path) {
    return path.folder < shared_.size() && path.name < piece.names.size();
  };
  for (const Picture& picture : piece.pictures) {
    if (!grows(picture.objects_end, piece.things.size()) || !known(picture.picture) ||
        !known(picture.mask) || picture.domain >= shared_.size()) {
      return false;
    }
  }
  return piece.names.back() == '\0' &&
         (piece.outline_ends.empty() || piece.outline_ends.size() == piece.things.size());
}

}  // namespace lorae::data
