#pragma once

#include "models/layers/network.h"
#include "models/nets/yolo/head.h"
#include "models/nets/yolo/tables.h"

namespace lorae::models::yolo {

/// A detector or segmentation model of the YOLO families. Its parts are "model.0", "model.1", ...,
/// the numbers of its table's rows.
class Detector final : public Network {
 public:
  Detector(const Table& table, std::int64_t channels, std::int64_t classes);

  /// Shape: see Head::decode.
  at::Tensor forward(const at::Tensor& images) override;
  /// "decoded", and "proto" of a segmentation model.
  std::vector<Output> predict(const at::Tensor& images) override;
  /// What the losses of training need.
  HeadMaps maps(const at::Tensor& images);
  /// The last convolutions of the branches of boxes, classes and mask coefficients.
  std::vector<std::string> head() const override;
  std::vector<std::string> branches() const override;

 private:
  std::vector<Row> rows_;
  std::vector<Block*> blocks_;  // nullptr for rows without tensors
  std::string head_name_;
  Head* head_ = nullptr;
};

/// "yolov8n", "yolo11x-seg", "yolov8m-cls" ... as Ultralytics names them.
/// Errors: kInvalidConfig for an unknown name.
std::unique_ptr<Network> build_yolo(const std::string& name,
                                    std::int64_t channels,
                                    std::int64_t classes);

}  // namespace lorae::models::yolo
