#include "data/formats/catalogue.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace lorae::data {
namespace {

template <typename T>
void write_all(const std::vector<T>& values, std::string& to) {
  const std::uint64_t count = values.size();
  to.append(reinterpret_cast<const char*>(&count), sizeof(count));
  to.append(reinterpret_cast<const char*>(values.data()), count * sizeof(T));
}

template <typename T>
bool read_all(std::string_view& from, std::vector<T>& values) {
  std::uint64_t count = 0;
  if (from.size() < sizeof(count)) {
    return false;
  }
  std::memcpy(&count, from.data(), sizeof(count));
  from.remove_prefix(sizeof(count));
  if (count > from.size() / sizeof(T)) {
    return false;
  }
  values.resize(count);
  if (count > 0) {
    std::memcpy(static_cast<void*>(values.data()), from.data(), count * sizeof(T));
  }
  from.remove_prefix(count * sizeof(T));
  return true;
}

std::uint32_t small(std::size_t value) {
  check(value <= std::numeric_limits<std::uint32_t>::max(), ErrorCode::kInvalidConfig,
        "[data] the set has more objects or longer names than an index holds");
  return static_cast<std::uint32_t>(value);
}

constexpr double kWhole = 0x1p31;  // of a picture's side

std::uint32_t parts_of(double fraction) {
  return static_cast<std::uint32_t>(std::lround(std::clamp(fraction, 0.0, 1.0) * kWhole));
}

double fraction_of(std::uint32_t parts) {
  return static_cast<double>(parts) / kWhole;
}

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

void Catalogue::add(const Labelled& picture) {
  for (const Object& object : picture.objects) {
    for (const Polygon& polygon : object.polygons) {
      for (const Point& point : polygon) {
        places_.push_back({parts_of(point.x), parts_of(point.y)});
      }
      polygon_ends_.push_back(places_.size());
    }
    things_.push_back({.box = object.box,
                       .label = static_cast<std::int32_t>(object.label),
                       .ignored = object.ignored ? 1U : 0U,
                       .polygons_end = polygon_ends_.size()});
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
    Object& object = objects.emplace_back(
        Object{.label = thing.label, .box = thing.box, .ignored = thing.ignored != 0});
    for (std::size_t k = i == 0 ? 0 : things_[i - 1].polygons_end; k < thing.polygons_end; ++k) {
      Polygon& polygon = object.polygons.emplace_back();
      for (std::size_t p = k == 0 ? 0 : polygon_ends_[k - 1]; p < polygon_ends_[k]; ++p) {
        polygon.push_back({fraction_of(places_[p].x), fraction_of(places_[p].y)});
      }
    }
  }
  return objects;
}

void Catalogue::write(std::string& to) const {
  std::vector<char> folders;
  for (const std::string& folder : folders_) {
    folders.insert(folders.end(), folder.begin(), folder.end());
    folders.push_back('\0');
  }
  // All at once: a text that grows takes twice its size for a moment.
  to.reserve(to.size() + 6 * sizeof(std::uint64_t) + pictures_.size() * sizeof(Picture) +
             things_.size() * sizeof(Thing) + polygon_ends_.size() * sizeof(std::uint64_t) +
             places_.size() * sizeof(Place) + names_.size() + folders.size());
  write_all(pictures_, to);
  write_all(things_, to);
  write_all(polygon_ends_, to);
  write_all(places_, to);
  write_all(names_, to);
  write_all(folders, to);
}

bool Catalogue::read(std::string_view from) {
  std::vector<char> folders;
  const bool whole = read_all(from, pictures_) && read_all(from, things_) &&
                     read_all(from, polygon_ends_) && read_all(from, places_) &&
                     read_all(from, names_) && read_all(from, folders) && from.empty();
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
