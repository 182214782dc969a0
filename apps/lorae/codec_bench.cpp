// `lorae codec bench`: what codec chains make of a recorded update.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "adapters/blocks.h"
#include "adapters/conv2d.h"
#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/codec_cli.h"
#include "codec/chain.h"
#include "codec/lattice.h"
#include "tensors/safetensors.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace lorae::apps {
namespace {

using codec::Block;
using codec::Blocks;
using nlohmann::json;

struct Asked {
  std::string update, base;
  std::vector<std::string> chains;
  codec::Turn turn;
  bool as_json = false;
};

/// What a client trained, and what it started from.
struct Change {
  Blocks local, global;
  bool has_base = false;
};

/// What a chain makes of a change.
struct Measured {
  std::string chain;
  std::size_t parameters = 0, bytes = 0;
  double entropy_bits = 0;  ///< for each parameter
  std::vector<codec::StageBytes> stages;
  double error_delta = 0;
  std::optional<double> error_product;
  double encode_mb_s = 0, decode_mb_s = 0;

  double bits_per_parameter() const {
    return 8.0 * static_cast<double>(bytes) /
           static_cast<double>(std::max<std::size_t>(parameters, 1));
  }
};

Change read_change(const Asked& asked) {
  Change change;
  const SafetensorsFile update = map_safetensors(asked.update);
  change.local = adapters::to_blocks(update.state);
  change.has_base = !asked.base.empty();
  if (!change.has_base) {
    change.global = codec::layout_of(change.local).zeros();
    return change;
  }
  try {  // an adapter holds its constant factors, too
    change.global = adapters::to_blocks(part_like(map_safetensors(asked.base).state, update.state));
  } catch (const Error& error) {
    fail(ErrorCode::kIncompatible, "'", asked.base, "' is no base of '", asked.update,
         "': ", error.what());
  }
  if (update.metadata.contains(adapters::kChangeKey)) {
    change.local = codec::sum(change.global, change.local);
  }
  return change;
}

double square_of(const at::Tensor& tensor) {
  return tensor.square().sum().item<double>();
}

/// In double, as a matrix of as many rows as `shape` says first.
at::Tensor matrix_of(const Block& block, const Block* added) {
  const auto tensor = [](const Block& from) {
    return torch::from_blob(const_cast<float*>(from.values.data()), from.shape,  // NOLINT
                            c10::kFloat)
        .to(c10::kDouble)
        .flatten(1);
  };
  return added == nullptr ? tensor(block) : tensor(block) + tensor(*added);
}

/// Relative error of the change of all products of mapper and extractor; nothing if there are none.
std::optional<double> error_of_products(const Change& change, const Blocks& delta) {
  double error = 0, all = 0;
  for (std::size_t i = 0; i < delta.size(); ++i) {
    const std::string& name = delta[i].name;
    if (!name.ends_with(adapters::kMapperSuffix)) {
      continue;
    }
    const std::string layer(codec::layer_of(name));
    const auto found =
        std::ranges::find(delta, layer + std::string(adapters::kExtractorSuffix), &Block::name);
    const auto j = static_cast<std::size_t>(found - delta.begin());
    if (j == delta.size() || delta[j].shape[0] != delta[i].shape[1]) {
      continue;  // of a grouped convolution
    }
    const auto product = [&](const Blocks& of, const Blocks* added) {
      return matrix_of(of[i], added == nullptr ? nullptr : &(*added)[i])
          .matmul(matrix_of(of[j], added == nullptr ? nullptr : &(*added)[j]));
    };
    const at::Tensor wanted = product(change.local, nullptr);
    error += square_of(product(change.global, &delta) - wanted);
    all += square_of(wanted - product(change.global, nullptr));
  }
  return all > 0 ? std::optional(std::sqrt(error / all)) : std::nullopt;
}

double error_of(const Blocks& wanted, const Blocks& got) {
  double error = 0, all = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    for (std::size_t j = 0; j < wanted[i].values.size(); ++j) {
      const auto value = static_cast<double>(wanted[i].values[j]);
      error += std::pow(value - static_cast<double>(got[i].values[j]), 2);
      all += value * value;
    }
  }
  return all > 0 ? std::sqrt(error / all) : 0.0;
}

/// Megabytes of float32 a second, by the fastest of as many calls as a fifth of a second has.
template <typename Call>
double mb_per_second(std::size_t parameters, Call call) {
  using Clock = std::chrono::steady_clock;
  double fastest = 1e9;
  const auto begin = Clock::now();
  do {
    const auto start = Clock::now();
    call();
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - start).count());
  } while (Clock::now() - begin < std::chrono::milliseconds(200));
  return static_cast<double>(parameters) * sizeof(float) / 1e6 / fastest;
}

Measured measure(const std::string& text, const Change& change, const codec::Turn& turn) {
  const auto chain = codec::Chain::parse(text);
  const codec::Layout layout = codec::layout_of(change.global);
  const codec::Encoded encoded = chain.encode(change.local, change.global, turn);
  const Blocks delta = chain.decode_delta(encoded.payload, layout, change.global).value().blocks;
  Measured measured;
  measured.chain = text;
  for (const Block& block : delta) {
    measured.parameters += block.values.size();
  }
  measured.bytes = encoded.payload.size();
  measured.entropy_bits = chain.entropy_bits(change.local, change.global, turn) /
                          static_cast<double>(std::max<std::size_t>(measured.parameters, 1));
  measured.stages = encoded.stages;
  measured.error_delta = error_of(codec::subtract(change.local, change.global), delta);
  if (change.has_base) {
    measured.error_product = error_of_products(change, delta);
  }
  measured.encode_mb_s = mb_per_second(
      measured.parameters, [&] { return chain.encode(change.local, change.global, turn); });
  measured.decode_mb_s = mb_per_second(measured.parameters, [&] {
    return chain.decode_delta(encoded.payload, layout, change.global);
  });
  return measured;
}

json to_json(const Measured& measured) {
  json stages = json::array();
  for (const codec::StageBytes& layer : measured.stages) {
    json one = {{"layer", layer.layer}};
    for (const auto& [stage, bytes] : layer.bytes) {
      one[stage] = bytes;
    }
    stages.push_back(std::move(one));
  }
  return {{"chain", measured.chain},
          {"parameters", measured.parameters},
          {"bytes", measured.bytes},
          {"bits_per_parameter", measured.bits_per_parameter()},
          {"entropy_bits", measured.entropy_bits},
          {"stages", std::move(stages)},
          {"error_delta", measured.error_delta},
          {"error_product", measured.error_product ? json(*measured.error_product) : json(nullptr)},
          {"encode_mb_s", measured.encode_mb_s},
          {"decode_mb_s", measured.decode_mb_s}};
}

void print(const std::vector<Measured>& all) {
  Table table("lrrrrrrr",
              {"chain", "bytes", "bits", "entropy", "error", "of product", "encode", "decode"});
  for (const Measured& one : all) {
    table.row(one.chain, one.bytes, fmt::format("{:.3f}", one.bits_per_parameter()),
              fmt::format("{:.3f}", one.entropy_bits), fmt::format("{:.4f}", one.error_delta),
              one.error_product ? fmt::format("{:.4f}", *one.error_product) : "-",
              fmt::format("{:.0f}", one.encode_mb_s), fmt::format("{:.0f}", one.decode_mb_s));
  }
  table.print();
  say("\n{} parameters; bits and entropy for each of them; errors relative to the change; MB of "
      "float32 a second, one thread\n",
      all.front().parameters);
}

void bench(const Asked& asked) {
  use_one_thread();
  const Change change = read_change(asked);
  std::vector<Measured> all;
  for (const std::string& chain : asked.chains) {
    all.push_back(measure(chain, change, asked.turn));
  }
  if (asked.as_json) {
    json rows = json::array();
    for (const Measured& one : all) {
      rows.push_back(to_json(one));
    }
    say("{}\n", json_line(rows));
  } else {
    print(all);
  }
}

}  // namespace

void add_codec_commands(CLI::App& app) {
  auto* codec = app.add_subcommand("codec", "what travels, and how it is coded");
  codec->require_subcommand(1);
  auto* command = codec->add_subcommand("bench", "what chains make of a recorded update");
  const auto asked = std::make_shared<Asked>();
  command
      ->add_option("UPDATE", asked->update,
                   "safetensors in float32: a change, as federation.keep_updates keeps them in a "
                   "simulation's runs/.../deltas; with --base what a client trained, too")
      ->required();
  command->add_option(
      "--base", asked->base,
      "safetensors: what the client started from, such as adapter-000003.safetensors");
  command->add_option("--chain", asked->chains, "\"delta,int8:row,zstd\"; may be repeated")
      ->required()
      ->expected(1)
      ->take_all();
  command->add_option("--round", asked->turn.round, "whose turn it is, for segments:n");
  command->add_option("--seed", asked->turn.seed, "of stochastic rounding");
  command->add_flag("--json", asked->as_json, "a JSON array, an object for each chain");
  command->callback([asked] { bench(*asked); });
}

}  // namespace lorae::apps
