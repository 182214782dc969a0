#include "data/formats/coco_json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/str.h"
#include "data/text_file.h"

namespace lorae::data {
namespace {

constexpr double kNotSaid = std::numeric_limits<double>::quiet_NaN();

/// Where in the text the parser is, for line numbers.
struct Place {
  const char* at = nullptr;
};

/// Over the text, telling `place` how far it is.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, Place* place) : at_(at), place_(place) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    place_->at = ++at_;
    return *this;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }
  bool operator!=(const Cursor& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  Place* place_;
};

/// What is open: a list or an object of the file, and what is in it.
enum class Open {
  kFile,
  kPictures,
  kPicture,
  kThings,
  kThing,
  kCategories,
  kCategory,
  kBox,
  kParts,
  kPart,
  kRuns,
  kCounts,
  kSize,
  kOther,
};

class Sax final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Sax(std::string_view text, const Place& place, CocoFile& to, CocoParts parts)
      : counted_(text.data()), place_(place), to_(to), parts_(parts) {}

  bool null() override { return true; }
  bool boolean(bool value) override { return number(value ? 1 : 0); }
  bool number_integer(std::int64_t value) override { return whole(value); }
  bool number_unsigned(std::uint64_t value) override {
    return value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())
               ? number(static_cast<double>(value))
               : whole(static_cast<std::int64_t>(value));
  }
  bool number_float(double value, const std::string&) override { return number(value); }
  bool string(std::string& value) override;
  bool binary(nlohmann::json::binary_t&) override { return true; }
  bool start_object(std::size_t) override;
  bool key(std::string& name) override {
    key_ = name;
    return true;
  }
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool parse_error(std::size_t,
                   const std::string&,
                   const nlohmann::json::exception& error) override {
    const std::string why = error.what();
    const std::size_t begin = why.find("syntax error");
    return complain(Flaw::kJsonBroken, line(),
                    "no JSON: " + why.substr(begin == std::string::npos ? 0 : begin));
  }

  bool complain(Flaw flaw, std::int64_t where, const std::string& what) {
    flaw_ = flaw;
    line_of_flaw_ = where;
    what_ = what;
    return false;
  }

  Flaw flaw() const { return flaw_; }
  std::int64_t line_of_flaw() const { return line_of_flaw_; }
  const std::string& what() const { return what_; }
  bool saw(Open list) const { return seen_.contains(list); }

 private:
  Open open() const { return open_.empty() ? Open::kOther : open_.back(); }
  std::int64_t line() {
    if (place_.at != nullptr && place_.at > counted_) {
      lines_ += std::count(counted_, place_.at, '\n');
      counted_ = place_.at;
    }
    return lines_;
  }
  bool whole(std::int64_t value);
  bool number(double value);
  Open list_called() const;

  std::vector<Open> open_;
  std::string key_;
  const char* counted_;
  std::int64_t lines_ = 1;
  const Place& place_;
  CocoFile& to_;
  CocoParts parts_;
  std::set<Open> seen_;
  bool has_id_ = false;
  Flaw flaw_ = Flaw::kJsonBroken;
  std::int64_t line_of_flaw_ = 0;
  std::string what_ = "no JSON";
};

bool Sax::whole(std::int64_t value) {
  if (key_ == "id" &&
      (open() == Open::kPicture || open() == Open::kThing || open() == Open::kCategory)) {
    has_id_ = true;
    (open() == Open::kPicture ? to_.pictures.back().id
     : open() == Open::kThing ? to_.things.back().id
                              : to_.categories.back().id) = value;
    return true;
  }
  if (open() == Open::kThing && (key_ == "image_id" || key_ == "category_id")) {
    CocoFile::Thing& thing = to_.things.back();
    (key_ == "image_id" ? thing.picture : thing.category) = value;
    return true;
  }
  if (open() == Open::kCounts) {
    to_.things.back().counts.push_back(value);
    return true;
  }
  return number(static_cast<double>(value));
}

bool Sax::number(double value) {
  switch (open()) {
    case Open::kPicture:
      if (key_ == "width" || key_ == "height") {
        CocoFile::Picture& picture = to_.pictures.back();
        (key_ == "width" ? picture.width : picture.height) = value;
      }
      return true;
    case Open::kThing:
      if (key_ == "iscrowd") {
        to_.things.back().crowd = value != 0;
      }
      return true;
    case Open::kBox:
      to_.things.back().box.push_back(value);
      return true;
    case Open::kPart:
      to_.things.back().polygons.back().push_back(static_cast<float>(value));
      return true;
    case Open::kSize:
      to_.things.back().size.push_back(value);
      return true;
    default:
      return true;
  }
}

bool Sax::string(std::string& value) {
  if (open() == Open::kPicture && key_ == "file_name") {
    to_.pictures.back().file = value;
  } else if (open() == Open::kCategory && key_ == "name") {
    to_.categories.back().name = value;
  } else if (open() == Open::kRuns && key_ == "counts") {
    to_.things.back().text = value;
  }
  return true;
}

Open Sax::list_called() const {
  return key_ == "categories"               ? Open::kCategories
         : parts_ == CocoParts::kCategories ? Open::kOther
         : key_ == "images"                 ? Open::kPictures
         : key_ == "annotations"            ? Open::kThings
                                            : Open::kOther;
}

bool Sax::start_object(std::size_t) {
  if (open_.empty()) {
    open_.push_back(seen_.empty() ? Open::kFile : Open::kOther);
    return true;
  }
  const Open list = open();
  if (list == Open::kPictures || list == Open::kThings || list == Open::kCategories) {
    has_id_ = false;
  }
  switch (list) {
    case Open::kPictures:
      to_.pictures.push_back({0, {}, kNotSaid, kNotSaid, line()});
      open_.push_back(Open::kPicture);
      return true;
    case Open::kThings:
      to_.things.emplace_back().line = line();
      open_.push_back(Open::kThing);
      return true;
    case Open::kCategories:
      to_.categories.emplace_back().line = line();
      open_.push_back(Open::kCategory);
      return true;
    case Open::kThing:
      open_.push_back(key_ == "segmentation" ? Open::kRuns : Open::kOther);
      return true;
    default:
      open_.push_back(Open::kOther);
      return true;
  }
}

bool Sax::end_object() {
  const Open ended = open();
  open_.pop_back();
  if (ended == Open::kPicture && (!has_id_ || to_.pictures.back().file.empty())) {
    return complain(Flaw::kJsonField, to_.pictures.back().line,
                    "images: expected an id, a whole number, and a file_name");
  }
  if (ended == Open::kCategory && (!has_id_ || to_.categories.back().name.empty())) {
    return complain(Flaw::kJsonField, to_.categories.back().line,
                    "categories: expected an id, a whole number, and a name");
  }
  return true;
}

bool Sax::start_array(std::size_t) {
  Open next = Open::kOther;
  switch (open()) {
    case Open::kFile:
      next = list_called();
      seen_.insert(next);
      break;
    case Open::kThing:
      next = key_ == "bbox" ? Open::kBox : key_ == "segmentation" ? Open::kParts : Open::kOther;
      break;
    case Open::kParts:
      to_.things.back().polygons.emplace_back();
      next = Open::kPart;
      break;
    case Open::kRuns:
      next = key_ == "counts" ? Open::kCounts : key_ == "size" ? Open::kSize : Open::kOther;
      break;
    default:
      break;
  }
  open_.push_back(next);
  return true;
}

/// An id that two entries have, if there is one.
template <typename Entry>
const Entry* twice(const std::vector<Entry>& entries) {
  std::set<std::int64_t> ids;
  for (const Entry& entry : entries) {
    if (!ids.insert(entry.id).second) {
      return &entry;
    }
  }
  return nullptr;
}

}  // namespace

Result<CocoFile, BadData> parse_coco(std::string_view text,
                                     const std::filesystem::path& file,
                                     CocoParts parts) {
  CocoFile coco;
  Place place;
  Sax sax(text, place, coco, parts);
  const auto bad = [&](Flaw flaw, std::int64_t line, const std::string& what) {
    const Problem problem{flaw, file, line, what};
    return BadData("[data] " + problem_text(problem), problem);
  };
  const Cursor begin(text.data(), &place), end(text.data() + text.size(), &place);
  if (!nlohmann::json::sax_parse(begin, end, &sax)) {
    return bad(sax.flaw(), sax.line_of_flaw(), sax.what());
  }
  for (const auto& [list, name] : {std::pair(Open::kPictures, "images"),
                                   {Open::kThings, "annotations"},
                                   {Open::kCategories, "categories"}}) {
    if (!sax.saw(list) && (parts == CocoParts::kAll || list == Open::kCategories)) {
      return bad(Flaw::kJsonField, 0, str("expected a list '", name, "'"));
    }
  }
  if (const auto* picture = twice(coco.pictures)) {
    return bad(Flaw::kIdTwice, picture->line, str("images: id ", picture->id, " is there twice"));
  }
  if (const auto* category = twice(coco.categories)) {
    return bad(Flaw::kIdTwice, category->line,
               str("categories: id ", category->id, " is there twice"));
  }
  std::ranges::sort(coco.categories, {}, &CocoFile::Category::id);
  return coco;
}

}  // namespace lorae::data
