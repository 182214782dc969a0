#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lorae::apps {

/// Rows of text under each other, each column as wide as its widest cell. Where standard output is
/// a terminal that is too narrow, the middle of the first column's names is left out.
class Table {
 public:
  /// `sides`: of each column, 'l' or 'r'. An empty `head` has no line.
  Table(std::string sides, std::vector<std::string> head);

  template <typename... Cells>
  void row(const Cells&... cells) {
    rows_.push_back({fmt::format("{}", cells)...});
  }
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::size_t rows() const { return rows_.size(); }

  /// Lines of at most `columns` characters, if the first column can give so many.
  std::string text(std::size_t columns) const;
  void print() const;

 private:
  std::string sides_;
  std::vector<std::string> head_;
  std::vector<std::vector<std::string>> rows_;
};

/// Of the terminal that standard output is; without one there is no limit.
std::size_t output_columns();

}  // namespace lorae::apps
