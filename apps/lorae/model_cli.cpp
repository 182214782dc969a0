#include "apps/lorae/model_cli.h"

#include <CLI/CLI.hpp>

#include "apps/common/command_line.h"
#include "apps/lorae/model_commands.h"

namespace lorae::apps {
namespace {

void add_model_choice(CLI::App* command, ModelChoice& choice) {
  command->add_option("--classes", choice.classes, "outputs of the head")->capture_default_str();
  command->add_option("--channels", choice.channels, "of an image")->capture_default_str();
  command->add_option("--stem", choice.stem, "of a ResNet: standard, or small for small images")
      ->check(CLI::IsMember({"standard", "small"}))
      ->capture_default_str();
  command
      ->add_option("--norm-groups", choice.norm_groups,
                   "of a ResNet: GroupNorm of so many groups; 0: BatchNorm")
      ->check(CLI::Range(0, 1024))
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
  command
      ->add_option_function<std::string>(
          "--extractor-init",
          [&lorae](const std::string& name) {
            lorae.extractor_init = *named<adapters::ExtractorInit>(name);
          },
          "kaiming, orthonormal or principal")
      ->check(CLI::IsMember(std::vector<std::string>(kNames<adapters::ExtractorInit>.begin(),
                                                     kNames<adapters::ExtractorInit>.end())))
      ->default_str("kaiming");
}

void add_models_command(CLI::App& app) {
  const auto as_json = std::make_shared<bool>(false);
  auto* models = app.add_subcommand("models", "list the models that we can build");
  models->add_flag("--json", *as_json, "as a JSON array");
  models->callback([as_json] { print_models(*as_json); });
}

/// What `params` was asked.
struct ParamsArguments {
  explicit ParamsArguments(CLI::App& command)
      : overrides(command), home(command, "cached backbones, for --config") {}

  ModelChoice choice;
  adapters::LoraeOptions lorae;
  bool as_json = false, bytes = false, paper = false;
  Codecs codecs;
  std::string config;
  std::int64_t measured = 6;
  ConfigFlags overrides;
  HomeFlag home;
};

void count(const ParamsArguments& asked, const CLI::App& command) {
  if (asked.paper) {
    print_paper_params();
  } else if (!asked.config.empty()) {
    print_forecast(experiment::load_run_config(
                       asked.config, [&](ConfigReader& reader) { asked.overrides.apply(reader); }),
                   asked.home.folder().string(), asked.measured);
  } else if (asked.choice.name.empty()) {
    throw CLI::RequiredError(command.get_display_name() + ": MODEL, or --paper");
  } else if (asked.bytes) {
    print_bytes(asked.choice, asked.lorae, asked.codecs);
  } else {
    print_params(asked.choice, asked.lorae, asked.as_json);
  }
}

void add_params_command(CLI::App& app) {
  auto* params = app.add_subcommand("params", "count parameters, with LoRAE and without");
  const auto asked = std::make_shared<ParamsArguments>(*params);
  auto* model = params->add_option("MODEL", asked->choice.name, "see: lorae models");
  add_model_choice(params, asked->choice);
  add_lorae_options(params, asked->lorae);
  auto* json = params->add_flag("--json", asked->as_json, "one JSON object");
  auto* predict =
      params->add_flag("--bytes", asked->bytes, "predict the bytes of a federated round instead");
  predict->excludes(json);
  auto* up = params->add_option("--uplink", asked->codecs.uplink, "codec chain, for --bytes")
                 ->needs(predict)
                 ->capture_default_str();
  auto* down = params->add_option("--downlink", asked->codecs.downlink, "codec chain, for --bytes")
                   ->needs(predict)
                   ->capture_default_str();
  auto* plan =
      params->add_option("--config", asked->config, "of a run; its first rounds predict all bytes")
          ->needs(predict)
          ->excludes(model)
          ->excludes(up)
          ->excludes(down);
  params->add_option("--rounds-measured", asked->measured, "first rounds to run, for --config")
      ->check(CLI::Range(2, 1000000))
      ->needs(plan)
      ->capture_default_str();
  asked->overrides.settings("KEY=VALUE, overrides --config")->needs(plan);
  asked->home.option()->needs(plan);
  params->add_flag("--paper", asked->paper, "the paper's tables beside ours, instead of one model")
      ->excludes(model)
      ->excludes(predict)
      ->excludes(json);
  params->callback([asked, params] { count(*asked, *params); });
}

void add_forward_command(CLI::App& app) {
  struct Arguments {
    ForwardOptions options;
    std::string type = "float32";
  };
  const auto asked = std::make_shared<Arguments>();
  ForwardOptions& options = asked->options;
  auto* forward = app.add_subcommand("forward", "run a model once on a tensor from a file");
  forward->add_option("--model", options.model.name, "see: lorae models")->required();
  add_model_choice(forward, options.model);
  forward->add_option("--weights", options.weights, "safetensors")->required();
  forward->add_option("--input", options.input, "safetensors with a tensor 'input'")->required();
  forward->add_option("--output", options.output, "safetensors to write")->required();
  forward->add_option("--adapter", options.adapter, "safetensors of an adapter");
  forward->add_flag("--fused", options.fused, "merge the adapter into the weights first");
  forward->add_option("--dtype", asked->type, "to compute in")
      ->check(CLI::IsMember({"float32", "float64"}))
      ->capture_default_str();
  forward->add_option("--device", options.device, "auto, cpu or cuda:N")->capture_default_str();
  forward->add_flag("--intermediate", options.intermediate, "write named layers' results too");
  forward->callback([asked] {
    asked->options.float64 = asked->type == "float64";
    run_forward(asked->options);
  });
}

void add_profile_command(CLI::App& app) {
  const auto options = std::make_shared<ProfileOptions>();
  auto* profile = app.add_subcommand("profile", "what each layer costs, on one thread or a GPU");
  profile->add_option("MODEL", options->model.name, "see: lorae models")->required();
  add_model_choice(profile, options->model);
  add_lorae_options(profile, options->lorae);
  profile->add_option("--batch", options->batch, "images")->check(CLI::PositiveNumber);
  profile->add_option("--side", options->side, "of an image, pixels")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  profile->add_option("--device", options->device, "auto, cpu or cuda:N")->capture_default_str();
  profile->add_flag("--forms", options->forms,
                    "also time every form of each adapter: inference/training ms");
  profile->add_flag("--json", options->as_json, "a JSON array");
  profile->callback([options] { print_profile(*options); });
}

/// `inspect` of weights and of adapters.
template <typename Print>
void add_inspect_command(CLI::App* group,
                         const std::string& help,
                         const std::string& json_help,
                         Print print) {
  struct Arguments {
    std::string path;
    bool as_json = false;
  };
  const auto asked = std::make_shared<Arguments>();
  auto* inspect = group->add_subcommand("inspect", help);
  inspect->add_option("FILE", asked->path, "safetensors")->required();
  inspect->add_flag("--json", asked->as_json, json_help);
  inspect->callback([asked, print] { print(asked->path, asked->as_json); });
}

void add_convert_command(CLI::App* weights) {
  const auto options = std::make_shared<ConvertOptions>();
  auto* convert = weights->add_subcommand(
      "convert", "write a checkpoint in another dtype, or for another model or class count");
  convert->add_option("FILE", options->input, "safetensors")->required();
  convert->add_option("--output", options->output, "safetensors to write")->required();
  convert->add_option("--model", options->model.name, "to fit; without it only the dtype changes");
  add_model_choice(convert, options->model);
  convert->add_option("--dtype", options->dtype, "float32, float16 or bfloat16")
      ->check(CLI::IsMember({"float32", "float16", "bfloat16"}))
      ->capture_default_str();
  convert->add_option("--seed", options->seed, "of what the file does not have")
      ->capture_default_str();
  convert->callback([options] { convert_weights(*options); });
}

void add_diff_command(CLI::App* weights) {
  struct Arguments {
    std::string first, second;
    double tolerance = 0;
  };
  const auto asked = std::make_shared<Arguments>();
  auto* diff = weights->add_subcommand("diff", "compare two files; exit status 1 if they differ");
  diff->add_option("A", asked->first, "safetensors")->required();
  diff->add_option("B", asked->second, "safetensors")->required();
  diff->add_option("--tolerance", asked->tolerance, "largest difference that is none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  diff->callback([asked] {
    if (!diff_weights(asked->first, asked->second, asked->tolerance)) {
      throw CLI::RuntimeError(1);
    }
  });
}

void add_weights_commands(CLI::App& app) {
  auto* weights = app.add_subcommand("weights", "look into, convert and compare checkpoints");
  weights->require_subcommand(1);
  add_inspect_command(weights, "list names, dtypes and shapes", "one JSON object", inspect_weights);
  add_convert_command(weights);
  add_diff_command(weights);
}

/// What the subcommands of `adapter` were asked; each has its own.
struct AdapterArguments {
  ModelChoice choice;
  adapters::LoraeOptions lorae;
  AdapterFiles files;
  std::string path;
  std::uint64_t seed = 0;
};

void add_files(CLI::App* command, AdapterFiles& files) {
  command->add_option("--weights", files.weights, "safetensors of the backbone")->required();
  command->add_option("--output", files.output, "safetensors to write")->required();
}

void add_create_command(CLI::App* adapter) {
  const auto asked = std::make_shared<AdapterArguments>();
  auto* create = adapter->add_subcommand("create", "write one that changes nothing yet");
  create->add_option("MODEL", asked->choice.name, "see: lorae models")->required();
  add_model_choice(create, asked->choice);
  add_lorae_options(create, asked->lorae);
  create->add_option("--seed", asked->seed, "of the extractors")->capture_default_str();
  add_files(create, asked->files);
  create->callback(
      [asked] { create_adapter(asked->choice, asked->lorae, asked->files, asked->seed); });
}

void add_fuse_command(CLI::App* adapter) {
  const auto asked = std::make_shared<AdapterArguments>();
  auto* fuse = adapter->add_subcommand("fuse", "write plain weights with it merged in");
  fuse->add_option("FILE", asked->path, "safetensors of the adapter")->required();
  add_files(fuse, asked->files);
  fuse->callback([asked] { fuse_adapter(asked->path, asked->files); });
}

void add_extract_command(CLI::App* adapter) {
  const auto asked = std::make_shared<AdapterArguments>();
  auto* extract = adapter->add_subcommand("extract", "make one from two full checkpoints");
  extract->add_option("TUNED", asked->path, "safetensors of the fine-tuned model")->required();
  extract->add_option("--model", asked->choice.name, "see: lorae models")->required();
  add_model_choice(extract, asked->choice);
  add_lorae_options(extract, asked->lorae);
  add_files(extract, asked->files);
  extract->callback(
      [asked] { extract_adapter(asked->choice, asked->lorae, asked->path, asked->files); });
}

void add_merge_command(CLI::App* adapter) {
  struct Arguments {
    std::vector<std::string> parts;
    std::filesystem::path output;
  };
  const auto asked = std::make_shared<Arguments>();
  auto* merge = adapter->add_subcommand("merge", "write one for a weighted sum of several");
  merge->add_option("FILE:WEIGHT", asked->parts, "safetensors and its share")->required();
  merge->add_option("--output", asked->output, "safetensors to write")->required();
  merge->callback([asked] { merge_adapters(asked->parts, asked->output); });
}

void add_adapter_commands(CLI::App& app) {
  auto* adapter = app.add_subcommand("adapter", "make, look into, merge and sum adapters");
  adapter->require_subcommand(1);
  add_create_command(adapter);
  add_inspect_command(adapter, "print its description", "as the file has it", inspect_adapter);
  add_fuse_command(adapter);
  add_extract_command(adapter);
  add_merge_command(adapter);
}

}  // namespace

void add_model_commands(CLI::App& app) {
  add_models_command(app);
  add_params_command(app);
  add_forward_command(app);
  add_profile_command(app);
  add_weights_commands(app);
  add_adapter_commands(app);
}

}  // namespace lorae::apps
