#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/bytes.h"
#include "base/metrics.h"

// Numbers of a training as TensorBoard reads them.
namespace lorae::training {

struct StepScalars {
  std::int64_t step = 0;
  double wall_time = 0;  ///< seconds since 1970
  Metrics scalars;       ///< by tag: "train/loss", "val/map50"; kept as float32
};

/// The polynomial of Castagnoli, reflected. Source: RFC 3720, appendix B.4.
std::uint32_t crc32c(ByteView bytes);

/// A file of events: the version "brain.Event:2", then an event for each step.
/// Formula: a record is its length (uint64), masked crc of that, the event, masked crc of that;
/// masked = rotr(crc, 15) + 0xa282ead8. Little-endian.
/// Source: TensorFlow, core/lib/io/record_writer.h, core/util/event.proto and
///         core/framework/summary.proto: Event {double wall_time = 1; int64 step = 2; string
///         file_version = 3; Summary summary = 5}, Summary {repeated Value value = 1}, Value
///         {string tag = 1; float simple_value = 2}.
Bytes event_file(double started, std::span<const StepScalars> steps);

/// Gives a file that content: what is there already is kept if it is the content's beginning, so
/// that whoever reads along goes on reading, and a record that a crash cut is completed; else it is
/// replaced. Errors: kUnavailable if the file cannot be written.
void grow_file(const std::filesystem::path& path, ByteView content);

}  // namespace lorae::training
