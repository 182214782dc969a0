#include "data/formats/wheat.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>

#include "base/error.h"
#include "data/formats/clipping.h"
#include "data/formats/yolo_rows.h"
#include "data/picture_files.h"
#include "data/text_file.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTested = "ethz_1";
constexpr std::array kSites = {"arvalis_1", "arvalis_2", "arvalis_3", "ethz_1",
                               "inrae_1",   "rres_1",    "usask_1"};
constexpr std::array<std::string_view, 5> kColumns = {"image_id", "width", "height", "bbox",
                                                      "source"};

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool has_sites(const fs::path& path) {
  return is_folder(path / "images" / kTested) && is_folder(path / "labels" / kTested);
}

bool is_in(std::string_view site, Split split, Halves halves) {
  return split == Split::kTest ? site == kTested : site != kTested || halves == Halves::kPaper;
}

/// A row of train.csv: one box.
struct Row {
  std::int64_t line = 0;
  double width = 0, height = 0;
  std::string box;
};

/// train.csv by pictures.
struct Csv {
  fs::path file;
  std::map<std::string, std::vector<Row>> rows;
  std::map<std::string, std::string> sites;
};

/// Where the columns are, in the order of kColumns.
std::vector<std::size_t> columns_of(const fs::path& file, std::string_view head) {
  const auto cells = csv_cells(head).value_or(std::vector<std::string>{});
  std::vector<std::size_t> places;
  for (const std::string_view name : kColumns) {
    const auto place = std::ranges::find(cells, name);
    if (place == cells.end()) {
      refuse({Flaw::kCsvColumns, file, 1,
              str("expected the columns image_id, width, height, bbox and source, got ",
                  shown(head))});
    }
    places.push_back(static_cast<std::size_t>(place - cells.begin()));
  }
  return places;
}

Csv read_csv(const fs::path& file) {
  const auto text = read_text(file);
  if (!text.ok()) {
    refuse({Flaw::kCsvColumns, file, 0, text.error().what()});
  }
  const auto lines = lines_of(*text);
  Csv csv{.file = file, .rows = {}, .sites = {}};
  const auto places = columns_of(file, lines.empty() ? "" : lines.front());
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (trimmed(lines[i]).empty()) {
      continue;
    }
    const auto line = static_cast<std::int64_t>(i + 1);
    const auto cells = csv_cells(lines[i]);
    if (!cells || cells->size() <= *std::ranges::max_element(places)) {
      refuse({Flaw::kCsvColumns, file, line,
              str("expected cells for all columns, got ", shown(lines[i]))});
    }
    const auto cell = [&](std::size_t k) -> const std::string& { return (*cells)[places[k]]; };
    const auto number = [&](std::size_t k) {
      return number_of(trimmed(cell(k))).value_or(std::numeric_limits<double>::quiet_NaN());
    };
    csv.rows[cell(0)].push_back({line, number(1), number(2), cell(3)});
    csv.sites.emplace(cell(0), cell(4));
  }
  return csv;
}

/// "[834.0, 222.0, 56.0, 36.0]".
void read_box(const Csv& csv, const Row& row, const PictureHead& head, Labelled& to) {
  std::string text = row.box;
  std::ranges::replace_if(
      text, [](char c) { return c == '[' || c == ']' || c == ','; }, ' ');
  std::array<double, 4> n{};
  const auto words = words_of(text);
  bool good = words.size() == n.size();
  for (std::size_t i = 0; good && i < n.size(); ++i) {
    const auto number = number_of(words[i]);
    good = number && std::isfinite(*number);
    n.at(i) = number.value_or(0);
  }
  if (!good) {
    return to.complain(Flaw::kCsvBox, csv.file, row.line,
                       str("expected \"[xmin, ymin, width, height]\", got ", shown(row.box)));
  }
  if (n[2] < 0 || n[3] < 0) {
    return to.complain(Flaw::kBoxNegative, csv.file, row.line,
                       str("the box is ", n[2], " wide and ", n[3], " high"));
  }
  if (const auto frame = frame_of(head, row.width, row.height, csv.file, row.line, to)) {
    add_clipped(
        {.label = 0, .box = frame->box(n[0], n[1], n[0] + n[2], n[1] + n[3]), .polygons = {}},
        csv.file, row.line, to);
  }
}

Half find_csv(const fs::path& path, Split split, Halves halves) {
  Half half;
  const auto csv = std::make_shared<const Csv>(read_csv(path / "train.csv"));
  const fs::path folder = path / "train";
  check(is_folder(folder), ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' has no folder train with the pictures of train.csv");
  half.sources = {csv->file, folder};
  std::map<std::string, std::string> pictures;
  for (const std::string& name : entry_names(folder)) {
    const fs::path picture = folder / name;
    if (is_picture(picture)) {
      pictures.emplace(picture.stem().string(), picture);
    }
  }
  for (const auto& [id, picture] : pictures) {
    const auto site = csv->sites.find(id);
    const std::string name = site == csv->sites.end() ? "" : site->second;
    if (is_in(name, split, halves)) {
      half.items.add({.picture = picture, .label = {}, .domain = name});
    }
  }
  for (const auto& [id, rows] : csv->rows) {
    if (!pictures.contains(id) && is_in(csv->sites.at(id), split, halves)) {
      half.problems.push_back({Flaw::kPictureMissing, csv->file, rows.front().line,
                               str("picture ", shown(id), " is not in ", folder.string())});
    }
  }
  half.read = [csv](const Item& item, const PictureHead& head, Labelled& to) {
    const auto rows = csv->rows.find(fs::path(item.picture).stem().string());
    if (rows == csv->rows.end()) {
      return;  // a picture without a wheat head
    }
    for (const Row& row : rows->second) {
      read_box(*csv, row, head, to);
    }
  };
  return half;
}

Half find_sites(const fs::path& path, Split split, Halves halves) {
  Half half;
  for (const char* site : kSites) {
    const fs::path folder = path / "images" / site;
    if (!is_folder(folder) || !is_in(site, split, halves)) {
      continue;
    }
    half.sources.push_back(folder);
    half.sources.push_back(path / "labels" / site);
    for (const std::string& name : entry_names(folder)) {
      const fs::path picture = folder / name;
      if (is_picture(picture)) {
        half.items.add(
            {.picture = picture,
             .label = path / "labels" / site / picture.filename().replace_extension(".txt"),
             .domain = site});
      }
    }
  }
  half.read = [](const Item& item, const PictureHead&, Labelled& to) {
    const auto text = read_text(item.label);
    if (text.ok()) {
      return read_yolo_rows(*text, item.label, 1, to);
    }
    std::error_code status;
    const bool there = fs::exists(item.label, status);
    to.complain(!there                                           ? Flaw::kPictureUnlabelled
                : text.error().code() == ErrorCode::kCorruptData ? Flaw::kLabelEncoding
                                                                 : Flaw::kLabelUnreadable,
                there ? fs::path(item.label) : fs::path(item.picture), 0,
                there ? text.error().what() : "it has no label");
  };
  return half;
}

}  // namespace

bool holds_wheat(const fs::path& path) {
  if (!is_folder(path)) {
    return false;
  }
  if (has_sites(path)) {
    return true;
  }
  const auto text = read_text(path / "train.csv");
  return text.ok() && is_folder(path / "train") &&
         text->substr(0, text->find('\n')).find("bbox") != std::string::npos;
}

std::vector<std::string> wheat_classes(const fs::path& /*path*/, const OpenOptions& /*options*/) {
  return {"wheat_head"};
}

Half find_wheat(const fs::path& path, Split split, const OpenOptions& options) {
  Half half = has_sites(path) ? find_sites(path, split, options.halves)
                              : find_csv(path, split, options.halves);
  half.classes = {"wheat_head"};
  check(!half.items.empty(), ErrorCode::kInvalidConfig, "[data] '", path.string(), "' has no ",
        split == Split::kTrain ? "training" : "test", " images: expected some of site ",
        split == Split::kTrain ? "arvalis_1 or others" : kTested);
  return half;
}

}  // namespace lorae::data
