#include "data/formats/check.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/in_parallel.h"
#include "data/formats/mask_file.h"
#include "data/formats/open.h"
#include "data/picture.h"
#include "tensors/threads.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

/// A half without objects or masks, as a catalogue of pictures.
Known pictures_of(const Dataset& set) {
  Known known{
      .classes = set.classes(), .annotation = Annotation::kClass, .catalogue = {}, .problems = {}};
  for (std::int64_t i = 0; i < set.size() && set.in_memory() == nullptr; ++i) {
    Labelled picture;
    picture.picture = set.name(i);
    known.catalogue.add(picture);
  }
  return known;
}

class Check {
 public:
  Check(const fs::path& path, const OpenOptions& options) : path_(path), options_(options) {
    options_.damaged = Damaged::kSkip;
  }

  Checked run() {
    for (const Split split : {Split::kTrain, Split::kTest}) {
      if (const auto known = half(split)) {
        look_at(*known);
        if (known->annotation != Annotation::kClass && known->catalogue.size() == 0) {
          complain(Flaw::kSetEmpty, path_, "it holds no sound picture");
        }
        halves_.push_back(known);
      }
    }
    find_doubles();
    return std::move(checked_);
  }

 private:
  void complain(Flaw flaw, const fs::path& file, std::string what) {
    const std::lock_guard lock(mutex_);
    checked_.problems.push_back({flaw, file, 0, std::move(what)});
  }

  /// Nothing if there is no such half, or if all of it is refused, which is noted.
  std::shared_ptr<const Known> half(Split split) {
    try {
      if (auto known = known_labels(path_, split, options_)) {
        return known;
      }
      const DatasetPtr set = open_dataset(path_, 3, split, options_);
      checked_.images += set->in_memory() != nullptr ? set->size() : 0;
      return std::make_shared<const Known>(pictures_of(*set));
    } catch (const BadData& error) {
      checked_.problems.push_back(error.problem());
    } catch (const Error& error) {
      const std::string what = error.what();
      if (split == Split::kTrain || what.find("has no test images") == std::string::npos) {
        throw;
      }
    }
    return nullptr;
  }

  void look_at(const Known& known) {
    const Catalogue& all = known.catalogue;
    checked_.problems.insert(checked_.problems.end(), known.problems.begin(), known.problems.end());
    checked_.images += all.size() + known.left_out;
    for (std::int64_t i = 0; i < all.size(); ++i) {
      checked_.objects += std::ssize(all.objects(i));
    }
    const std::size_t before = checked_.problems.size();
    in_parallel(
        all.size(),
        [&](std::int64_t i) {
          const fs::path picture = all.picture(i);
          try {
            read_picture(picture, 3);
          } catch (const Error& error) {
            complain(Flaw::kPictureDamaged, picture, error.what());
          }
          if (known.annotation == Annotation::kMasks) {
            try {
              read_mask(all.mask(i), std::ssize(known.classes));
            } catch (const BadData& error) {
              complain(error.problem().flaw, error.problem().file, error.problem().what);
            }
          }
        },
        keep_to_this_thread);
    std::ranges::sort(checked_.problems.begin() + static_cast<std::ptrdiff_t>(before),
                      checked_.problems.end(), {},
                      [](const Problem& problem) { return problem.file; });
  }

  /// Files of one size are compared by their digests.
  void find_doubles() {
    struct Picture {
      fs::path path;
      std::size_t half = 0;
    };
    std::map<std::uintmax_t, std::vector<Picture>> by_size;
    for (std::size_t half = 0; half < halves_.size(); ++half) {
      const Catalogue& all = halves_[half]->catalogue;
      for (std::int64_t i = 0; i < all.size(); ++i) {
        std::error_code status;
        const fs::path path = all.picture(i);
        const std::uintmax_t size = fs::file_size(path, status);
        if (!status) {
          by_size[size].push_back({path, half});
        }
      }
    }
    for (const auto& [size, pictures] : by_size) {
      std::vector<Digest> digests(pictures.size());
      in_parallel(
          pictures.size() < 2 ? 0 : std::ssize(pictures),
          [&](std::int64_t i) {
            try {
              digests[static_cast<std::size_t>(i)] =
                  digest_of(read_file(pictures[static_cast<std::size_t>(i)].path));
            } catch (const Error&) {
              return;  // it went away meanwhile
            }
          },
          keep_to_this_thread);
      std::map<Digest, Picture> first;
      for (std::size_t i = 0; i < pictures.size() && pictures.size() > 1; ++i) {
        const auto [place, is_new] = first.emplace(digests[i], pictures[i]);
        if (!is_new) {
          const bool both = place->second.half != pictures[i].half;
          complain(both ? Flaw::kPictureInBothHalves : Flaw::kPictureTwice, pictures[i].path,
                   "the same picture as '" + place->second.path.string() + "'");
        }
      }
    }
  }

  fs::path path_;
  OpenOptions options_;
  std::mutex mutex_;
  Checked checked_;
  std::vector<std::shared_ptr<const Known>> halves_;
};

}  // namespace

Checked check_set(const fs::path& path, const OpenOptions& options) {
  return Check(path, options).run();
}

}  // namespace lorae::data
