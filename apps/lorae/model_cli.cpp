#include "apps/lorae/model_cli.h"

#include <CLI/CLI.hpp>

#include "apps/lorae/model_commands.h"
#include "base/home.h"

namespace lorae::apps {
namespace {

void add_model_choice(CLI::App* command, ModelChoice& choice) {
  command->add_option("--classes", choice.classes, "outputs of the head")->capture_default_str();
  command->add_option("--channels", choice.channels, "of an image")->capture_default_str();
  command->add_option("--stem", choice.stem, "of a ResNet: standard, or small for small images")
      ->check(CLI::IsMember({"standard", "small"}))
      ->capture_default_str();
}

void add_lorae_options(CLI::App* command, adapters::LoraeOptions& lorae) {
  command->add_option("--rank", lorae.rank, "of the adapters")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--alpha", lorae.alpha, "scaling is alpha / rank")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--targets", lorae.targets,
                   "all, spatial, efficient, grouped, linear, GLOB, !GLOB, joined by commas")
      ->capture_default_str();
  command->add_option("--ranks", lorae.ranks, "exceptions: \"layer4.*=16, conv1=4/8\"");
  command->add_option("--scaling", lorae.scaling, "lora, or rslora: alpha / sqrt(rank)")
      ->check(CLI::IsMember({"lora", "rslora"}))
      ->capture_default_str();
  command->add_option("--extractor-init", lorae.extractor_init, "kaiming or orthonormal")
      ->check(CLI::IsMember({"kaiming", "orthonormal"}))
      ->capture_default_str();
}

void add_counting_commands(CLI::App& app) {
  static bool as_json = false;
  auto* models = app.add_subcommand("models", "list the models that we can build");
  models->add_flag("--json", as_json, "as a JSON array");
  models->callback([] { print_models(as_json); });

  static ModelChoice choice;
  static adapters::LoraeOptions lorae;
  static bool paper = false;
  auto* params = app.add_subcommand("params", "count parameters, with LoRAE and without");
  auto* model = params->add_option("MODEL", choice.name, "see: lorae models");
  add_model_choice(params, choice);
  add_lorae_options(params, lorae);
  params->add_flag("--json", as_json, "one JSON object");
  static bool bytes = false;
  static Codecs codecs;
  auto* predict =
      params->add_flag("--bytes", bytes, "predict the bytes of a federated round instead");
  params->add_option("--uplink", codecs.uplink, "codec chain, for --bytes")->capture_default_str();
  params->add_option("--downlink", codecs.downlink, "codec chain, for --bytes")
      ->capture_default_str();
  static std::string config, home = default_home().string();
  static std::vector<std::string> overrides;
  auto* plan =
      params->add_option("--config", config, "of a run; three rounds predict the bytes of all")
          ->needs(predict)
          ->excludes(model);
  params->add_option("--set", overrides, "KEY=VALUE, overrides --config")
      ->allow_extra_args(false)
      ->needs(plan);
  params->add_option("--home", home, "cached backbones, for --config")
      ->capture_default_str()
      ->needs(plan);
  params->add_flag("--paper", paper, "the paper's tables beside ours, instead of one model");
  params->callback([params] {
    if (paper) {
      print_paper_params();
      return;
    }
    if (!config.empty()) {
      print_forecast(config, overrides, home);
      return;
    }
    if (choice.name.empty()) {
      throw CLI::RequiredError(params->get_display_name() + ": MODEL, or --paper");
    }
    if (bytes) {
      print_bytes(choice, lorae, codecs);
      return;
    }
    print_params(choice, lorae, as_json);
  });
}

void add_forward_command(CLI::App& app) {
  static ForwardOptions options;
  static std::string type = "float32";
  auto* forward = app.add_subcommand("forward", "run a model once on a tensor from a file");
  forward->add_option("--model", options.model.name, "see: lorae models")->required();
  add_model_choice(forward, options.model);
  forward->add_option("--weights", options.weights, "safetensors")->required();
  forward->add_option("--input", options.input, "safetensors with a tensor 'input'")->required();
  forward->add_option("--output", options.output, "safetensors to write")->required();
  forward->add_option("--adapter", options.adapter, "safetensors of an adapter");
  forward->add_flag("--fused", options.fused, "merge the adapter into the weights first");
  forward->add_option("--dtype", type, "to compute in")
      ->check(CLI::IsMember({"float32", "float64"}))
      ->capture_default_str();
  forward->add_flag("--intermediate", options.intermediate, "write named layers' results too");
  forward->callback([] {
    options.float64 = type == "float64";
    run_forward(options);
  });
}

void add_profile_command(CLI::App& app) {
  static ProfileOptions options;
  auto* profile = app.add_subcommand("profile", "what each layer costs, on one thread");
  profile->add_option("MODEL", options.model.name, "see: lorae models")->required();
  add_model_choice(profile, options.model);
  add_lorae_options(profile, options.lorae);
  profile->add_option("--batch", options.batch, "images")->check(CLI::PositiveNumber);
  profile->add_option("--side", options.side, "of an image, pixels")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  profile->add_flag("--forms", options.forms,
                    "also time every form of each adapter: inference/training ms");
  profile->add_flag("--json", options.as_json, "a JSON array");
  profile->callback([] { print_profile(options); });
}

void add_weights_commands(CLI::App& app) {
  auto* weights = app.add_subcommand("weights", "look into, convert and compare checkpoints");
  weights->require_subcommand(1);
  static std::string first, second;
  static bool as_json = false;
  auto* inspect = weights->add_subcommand("inspect", "list names, dtypes and shapes");
  inspect->add_option("FILE", first, "safetensors")->required();
  inspect->add_flag("--json", as_json, "one JSON object");
  inspect->callback([] { inspect_weights(first, as_json); });

  static ConvertOptions options;
  auto* convert = weights->add_subcommand(
      "convert", "write a checkpoint in another dtype, or for another model or class count");
  convert->add_option("FILE", options.input, "safetensors")->required();
  convert->add_option("--output", options.output, "safetensors to write")->required();
  convert->add_option("--model", options.model.name, "to fit; without it only the dtype changes");
  add_model_choice(convert, options.model);
  convert->add_option("--dtype", options.dtype, "float32, float16 or bfloat16")
      ->check(CLI::IsMember({"float32", "float16", "bfloat16"}))
      ->capture_default_str();
  convert->add_option("--seed", options.seed, "of what the file does not have")
      ->capture_default_str();
  convert->callback([] { convert_weights(options); });

  static double tolerance = 0;
  auto* diff = weights->add_subcommand("diff", "compare two files; exit status 1 if they differ");
  diff->add_option("A", first, "safetensors")->required();
  diff->add_option("B", second, "safetensors")->required();
  diff->add_option("--tolerance", tolerance, "largest difference that is none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  diff->callback([] {
    if (!diff_weights(first, second, tolerance)) {
      throw CLI::RuntimeError(1);
    }
  });
}

void add_adapter_commands(CLI::App& app) {
  auto* adapter = app.add_subcommand("adapter", "make, look into, merge and sum adapters");
  adapter->require_subcommand(1);
  static ModelChoice choice;
  static adapters::LoraeOptions lorae;
  static AdapterFiles files;
  static std::string path;
  static std::uint64_t seed = 0;
  static bool as_json = false;
  const auto add_files = [](CLI::App* command) {
    command->add_option("--weights", files.weights, "safetensors of the backbone")->required();
    command->add_option("--output", files.output, "safetensors to write")->required();
  };
  auto* create = adapter->add_subcommand("create", "write one that changes nothing yet");
  create->add_option("MODEL", choice.name, "see: lorae models")->required();
  add_model_choice(create, choice);
  add_lorae_options(create, lorae);
  create->add_option("--seed", seed, "of the extractors")->capture_default_str();
  add_files(create);
  create->callback([] { create_adapter(choice, lorae, files, seed); });

  auto* inspect = adapter->add_subcommand("inspect", "print its description");
  inspect->add_option("FILE", path, "safetensors")->required();
  inspect->add_flag("--json", as_json, "as the file has it");
  inspect->callback([] { inspect_adapter(path, as_json); });

  auto* fuse = adapter->add_subcommand("fuse", "write plain weights with it merged in");
  fuse->add_option("FILE", path, "safetensors of the adapter")->required();
  add_files(fuse);
  fuse->callback([] { fuse_adapter(path, files); });

  auto* extract = adapter->add_subcommand("extract", "make one from two full checkpoints");
  extract->add_option("TUNED", path, "safetensors of the fine-tuned model")->required();
  extract->add_option("--model", choice.name, "see: lorae models")->required();
  add_model_choice(extract, choice);
  add_lorae_options(extract, lorae);
  add_files(extract);
  extract->callback([] { extract_adapter(choice, lorae, path, files); });

  static std::vector<std::string> parts;
  auto* merge = adapter->add_subcommand("merge", "write one for a weighted sum of several");
  merge->add_option("FILE:WEIGHT", parts, "safetensors and its share")->required();
  merge->add_option("--output", files.output, "safetensors to write")->required();
  merge->callback([] { merge_adapters(parts, files.output); });
}

}  // namespace

void add_model_commands(CLI::App& app) {
  add_counting_commands(app);
  add_forward_command(app);
  add_profile_command(app);
  add_weights_commands(app);
  add_adapter_commands(app);
}

}  // namespace lorae::apps
