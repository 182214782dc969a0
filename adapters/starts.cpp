#include "adapters/starts.h"

#include <algorithm>
#include <cmath>

#include "tensors/torch.h"

namespace lorae::adapters {
namespace {

using Row = std::vector<double>;

double dot(const Row& a, const double* b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

/// row + factor * other.
void add_scaled(double factor, const double* other, Row& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] += factor * other[i];
  }
}

/// Takes off `row` what lies along the unit vectors from `first` on, then makes it a unit vector.
/// False if nothing of it is left: it is anything then.
bool orthonormalise(Row& row, const std::vector<Row>& rows, std::size_t first) {
  constexpr double kNothing = 1e-10;
  const double before = std::sqrt(dot(row, row.data()));
  for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Giraud et al. 2005)
    for (std::size_t i = first; i < rows.size(); ++i) {
      add_scaled(-dot(row, rows[i].data()), rows[i].data(), row);
    }
  }
  const double length = std::sqrt(dot(row, row.data()));
  for (double& value : row) {
    value /= length;
  }
  return length > kNothing * before;
}

/// `rows` with drawn ones behind them, until they are `count`; each block of `size` is orthogonal.
void add_drawn_rows(std::vector<Row>& rows, std::size_t count, std::size_t size, Random& random) {
  while (rows.size() < count) {
    Row row(size);
    for (double& value : row) {
      value = 2.0 * static_cast<double>(random.uniform()) - 1.0;
    }
    orthonormalise(row, rows, rows.size() / size * size);
    rows.push_back(std::move(row));
  }
}

/// The rows of Q W^T W. Shape: `matrix` [m, n], contiguous, double.
std::vector<Row> through(const std::vector<Row>& rows, const at::Tensor& matrix) {
  std::vector<Row> made(rows.size(), Row(static_cast<std::size_t>(matrix.size(1)), 0.0));
  for (std::int64_t o = 0; o < matrix.size(0); ++o) {
    const double* weights = matrix.data_ptr<double>() + o * matrix.size(1);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      add_scaled(dot(rows[i], weights), weights, made[i]);
    }
  }
  return made;
}

/// As principal_tensor, of one matrix.
std::vector<Row> principal_rows(const at::Tensor& matrix, std::size_t count, Random& random) {
  constexpr int kPasses = 12;
  const auto size = static_cast<std::size_t>(matrix.size(1));
  const std::size_t most = std::min({count, size, static_cast<std::size_t>(matrix.size(0))});
  std::vector<Row> rows;
  add_drawn_rows(rows, most, size, random);
  for (int pass = 0; pass < kPasses; ++pass) {
    std::vector<Row> next;
    for (Row& row : through(rows, matrix)) {
      if (!orthonormalise(row, next, 0)) {
        break;  // the matrix has no more than these
      }
      next.push_back(std::move(row));
    }
    rows = std::move(next);
  }
  add_drawn_rows(rows, count, size, random);
  return rows;
}

void copy_rows(const std::vector<Row>& rows, float* values) {
  for (const Row& row : rows) {
    for (const double value : row) {
      *values++ = static_cast<float>(value);
    }
  }
}

}  // namespace

at::Tensor uniform_tensor(const std::vector<std::int64_t>& shape, double bound, Seed seed) {
  at::Tensor tensor = torch::empty(shape, c10::kFloat);
  Random random = seed.random();
  float* values = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = (2.0F * random.uniform() - 1.0F) * static_cast<float>(bound);
  }
  return tensor;
}

at::Tensor orthonormal_tensor(const std::vector<std::int64_t>& shape, Seed seed) {
  at::Tensor tensor = torch::empty(shape, c10::kFloat);
  const auto count = static_cast<std::size_t>(shape[0]);
  Random random = seed.random();
  std::vector<Row> rows;
  add_drawn_rows(rows, count, static_cast<std::size_t>(tensor.numel()) / count, random);
  copy_rows(rows, tensor.data_ptr<float>());
  return tensor;
}

at::Tensor principal_tensor(const at::Tensor& matrices, std::int64_t rank, Seed seed) {
  const at::Tensor all = matrices.detach().to(c10::kDouble).contiguous();
  at::Tensor tensor = torch::empty({all.size(0), rank, all.size(2)}, c10::kFloat);
  Random random = seed.random();
  for (std::int64_t group = 0; group < all.size(0); ++group) {
    copy_rows(principal_rows(all[group], static_cast<std::size_t>(rank), random),
              tensor[group].data_ptr<float>());
  }
  return tensor;
}

}  // namespace lorae::adapters
