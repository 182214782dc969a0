#include "data/formats/catalogue.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/error.h"

namespace lorae::data {
namespace {

/// What stands before the arrays: how long each is.
struct Front {
  std::uint64_t pictures = 0, things = 0, polygon_ends = 0, places = 0, names = 0, folders = 0;
};

std::uint32_t small(std::size_t value) {
  check(value <= std::numeric_limits<std::uint32_t>::max(), ErrorCode::kInvalidConfig,
        "[data] the set has more objects or longer names than an index holds");
  return static_cast<std::uint32_t>(value);
}

constexpr double kWhole = 0x1p31;  // of a picture's side
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

std::uint32_t Catalogue::folder_number(const std::string& folder) {
  const auto [place, is_new] = numbers_.emplace(folder, small(folders_.size()));
  if (is_new) {
    folders_.push_back(folder);
  }
  return place->second;
}

Catalogue::File Catalogue::kept(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const File file{folder_number(path.parent_path().string()), small(names_.size())};
  names_.insert(names_.end(), name.begin(), name.end());
  names_.push_back('\0');
  return file;
}

std::filesystem::path Catalogue::path_of(File file) const {
  const std::string_view name = &names_[file.name];
  return name.empty() ? std::filesystem::path{}
                      : std::filesystem::path(folders_[file.folder]) / name;
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

void Catalogue::expect(std::int64_t pictures) {
  const double times = static_cast<double>(pictures) / static_cast<double>(pictures_.size());
  const auto make_room = [times](auto& values) {
    constexpr double kSpare = 1.02;
    values.reserve(static_cast<std::size_t>(static_cast<double>(values.size()) * times * kSpare));
  };
  make_room(pictures_);
  make_room(things_);
  make_room(polygon_ends_);
  make_room(places_);
  make_room(names_);
}

void Catalogue::add(const Labelled& picture) {
  for (const Object& object : picture.objects) {
    for (const Polygon& polygon : object.polygons) {
      for (const Point& point : polygon) {
        places_.push_back(place_of(point));
      }
      polygon_ends_.push_back(small(places_.size()));
    }
    things_.push_back({.first = place_of({object.box.x1, object.box.y1}),
                       .last = place_of({object.box.x2, object.box.y2}),
                       .label = static_cast<std::uint32_t>(object.label) & kMostLabel,
                       .ignored = object.ignored ? 1U : 0U,
                       .polygons_end = small(polygon_ends_.size())});
  }
  pictures_.push_back({.picture = kept(picture.picture),
                       .mask = kept(picture.mask),
                       .domain = folder_number(picture.domain),
                       .height = static_cast<std::int32_t>(picture.size.height),
                       .width = static_cast<std::int32_t>(picture.size.width),
                       .label = static_cast<std::int32_t>(main_class(picture.objects)),
                       .objects_end = small(things_.size())});
}

std::filesystem::path Catalogue::picture(std::int64_t index) const {
  return path_of(at(index).picture);
}

std::filesystem::path Catalogue::mask(std::int64_t index) const {
  return path_of(at(index).mask);
}

std::string Catalogue::domain(std::int64_t index) const {
  return folders_[at(index).domain];
}

PictureSize Catalogue::picture_size(std::int64_t index) const {
  return {.height = at(index).height, .width = at(index).width};
}

std::vector<Object> Catalogue::objects(std::int64_t index) const {
  const std::size_t end = at(index).objects_end;
  std::vector<Object> objects;
  for (std::size_t i = index == 0 ? 0 : at(index - 1).objects_end; i < end; ++i) {
    const Thing& thing = things_[i];
    const Point first = point_of(thing.first), last = point_of(thing.last);
    Object& object = objects.emplace_back(Object{.label = thing.label,
                                                 .box = {first.x, first.y, last.x, last.y},
                                                 .ignored = thing.ignored != 0});
    for (std::size_t k = i == 0 ? 0 : things_[i - 1].polygons_end; k < thing.polygons_end; ++k) {
      Polygon& polygon = object.polygons.emplace_back();
      for (std::size_t p = k == 0 ? 0 : polygon_ends_[k - 1]; p < polygon_ends_[k]; ++p) {
        polygon.push_back(point_of(places_[p]));
      }
    }
  }
  return objects;
}

std::vector<ByteView> Catalogue::pieces(std::string& front) const {
  Front lengths{.pictures = pictures_.size(),
                .things = things_.size(),
                .polygon_ends = polygon_ends_.size(),
                .places = places_.size(),
                .names = names_.size()};
  std::string folders;
  for (const std::string& folder : folders_) {
    folders += folder;
    folders += '\0';
  }
  lengths.folders = folders.size();
  front.assign(reinterpret_cast<const char*>(&lengths), sizeof(lengths));
  front += folders;
  const auto all = [](const auto& values) { return bytes_of(std::span(values)); };
  return {view_of(front),     all(pictures_), all(things_),
          all(polygon_ends_), all(places_),   all(names_)};
}

bool Catalogue::read(const std::function<bool(std::span<std::byte>)>& take, std::uint64_t bytes) {
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
  std::string folders;
  const bool whole = taken(folders, lengths.folders) && taken(pictures_, lengths.pictures) &&
                     taken(things_, lengths.things) && taken(polygon_ends_, lengths.polygon_ends) &&
                     taken(places_, lengths.places) && taken(names_, lengths.names) && left == 0;
  if (!whole || (!folders.empty() && folders.back() != '\0')) {
    return false;
  }
  for (std::size_t at = 0; at < folders.size(); at += folders_.back().size() + 1) {
    folders_.emplace_back(&folders[at]);
  }
  return sound();
}

/// Every number that is a place lies in what it points into.
bool Catalogue::sound() const {
  std::uint64_t before = 0;
  const auto grows = [&](std::uint64_t end, std::size_t limit) {
    return before <= end && end <= limit && (before = end, true);
  };
  for (const std::uint64_t end : polygon_ends_) {
    if (!grows(end, places_.size())) {
      return false;
    }
  }
  before = 0;
  for (const Thing& thing : things_) {
    if (!grows(thing.polygons_end, polygon_ends_.size())) {
      return false;
    }
  }
  before = 0;
  const auto known = [&](File file) {
    return file.folder < folders_.size() && file.name < names_.size();
  };
  for (const Picture& picture : pictures_) {
    if (!grows(picture.objects_end, things_.size()) || !known(picture.picture) ||
        !known(picture.mask) || picture.domain >= folders_.size()) {
      return false;
    }
  }
  return names_.empty() || names_.back() == '\0';
}

}  // namespace lorae::data
