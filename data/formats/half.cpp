#include "data/formats/half.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/in_parallel.h"
#include "base/log.h"
#include "base/text.h"
#include "data/picture_head.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSmallestSide = 10;

bool leaves_picture_out(const Problem& problem) {
  return row_of(problem.flaw).weight == Weight::kPicture;
}

/// What the head of a picture says, and what is wrong with it.
PictureHead look_at(const fs::path& path, Labelled& to) {
  std::error_code status;
  if (!fs::exists(path, status)) {
    to.complain(Flaw::kPictureMissing, path, 0, status ? status.message() : "it does not exist");
    return {};
  }
  const auto head = read_picture_head(path);
  if (!head.ok()) {
    const std::string why = head.error().what();
    const Flaw flaw = head.error().code() == ErrorCode::kUnavailable ? Flaw::kPictureUnreadable
                      : fs::file_size(path, status) == 0             ? Flaw::kPictureEmpty
                                                                     : Flaw::kPictureDamaged;
    to.complain(flaw, path, 0, "cannot decode the picture: " + why);
    return {};
  }
  if (head->cmyk) {
    to.complain(Flaw::kPictureCmyk, path, 0, "its colours are CMYK");
  }
  if (head->sixteen_bits) {
    to.complain(Flaw::kPictureSixteenBits, path, 0, "it has 16 bits for each colour");
  }
  if (head->orientation != 1) {
    to.complain(
        Flaw::kPictureTurned, path, 0,
        str("its EXIF orientation is ", head->orientation, ", it is kept mirrored or turned"));
  }
  const PictureSize size = head->size;
  if (size.width > 0 && std::min(size.width, size.height) < kSmallestSide) {
    to.complain(Flaw::kPictureTiny, path, 0,
                str("it has ", size.width, " x ", size.height,
                    " pixels: expected sides of at least ", kSmallestSide));
  }
  return *head;
}

Labelled read_one(const Half& half, const Item& item) {
  Labelled picture;
  picture.picture = item.picture;
  picture.domain = item.domain;
  const PictureHead head = look_at(item.picture, picture);
  picture.size = head.size;
  half.read(item, head, picture);
  return picture;
}

/// How many pictures or objects are left out, and the first three problems.
std::string told(const Known& known, Weight weight) {
  constexpr std::int64_t kNamed = 3;
  std::int64_t count = 0;
  std::string text;
  for (const Problem& problem : known.problems) {
    if (row_of(problem.flaw).weight == weight && ++count <= kNamed) {
      text += "; " + problem_text(problem);
    }
  }
  return count == 0                  ? ""
         : weight == Weight::kObject ? str(count, " objects", text)
                                     : str(known.left_out, " pictures", text);
}

}  // namespace

Known read_half(const Half& half, const std::function<void(const Catalogue&)>& take) {
  Known known{.classes = half.classes,
              .annotation = half.annotation,
              .catalogue = {},
              .problems = half.problems,
              .left_out = std::ranges::count_if(half.problems, leaves_picture_out)};
  constexpr std::int64_t kAtOnce = Catalogue::kPiece;  // pictures that are in memory unpacked
  bool has_polygons = false;
  for (std::int64_t begin = 0; begin < half.items.size(); begin += kAtOnce) {
    std::vector<Labelled> pictures(
        static_cast<std::size_t>(std::min(kAtOnce, half.items.size() - begin)));
    in_parallel(std::ssize(pictures), [&](std::int64_t i) {
      pictures[static_cast<std::size_t>(i)] = read_one(half, half.items.at(begin + i));
    });
    for (Labelled& picture : pictures) {
      if (std::ranges::any_of(picture.problems, leaves_picture_out)) {
        ++known.left_out;
      } else {
        known.catalogue.add(picture);
      }
      std::ranges::move(picture.problems, std::back_inserter(known.problems));
    }
    has_polygons = has_polygons || known.catalogue.has_polygons();
    if (take && known.catalogue.size() > 0) {
      take(known.catalogue);
      known.catalogue.clear();
    }
  }
  if (known.annotation == Annotation::kBoxes && has_polygons) {
    known.annotation = Annotation::kOutlines;
  }
  return known;
}

void act_on(const Known& known, Damaged damaged, const fs::path& root) {
  const auto worst = std::ranges::find_if(known.problems, leaves_picture_out);
  if (worst != known.problems.end() && damaged == Damaged::kRefuse) {
    refuse(*worst);
  }
  const std::string pictures = told(known, Weight::kPicture);
  const std::string objects = told(known, Weight::kObject);
  const bool none_labelled =
      std::ranges::count(known.problems, Flaw::kPictureUnlabelled, &Problem::flaw) >=
      std::max<std::int64_t>(known.catalogue.size(), 1);
  if (known.catalogue.size() == 0) {
    refuse({Flaw::kSetEmpty, root, 0,
            pictures.empty() ? "it holds no picture" : "it holds no sound picture: " + pictures});
  }
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  for (const std::string& text : {pictures, objects}) {
    if (!text.empty() && said.insert(root.string() + text).second) {
      log_warning("data.damaged", "folder=", root.string(), " left out ", text);
    }
  }
  if (none_labelled && said.insert(root.string()).second) {
    log_warning("data.unlabelled", "folder=", root.string(), " none of its ",
                known.catalogue.size(), " pictures has a label");
  }
}

}  // namespace lorae::data
