#include "training/fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::training {
namespace {

/// average = d average + (1 - d) value. Counts and other whole numbers are copied.
void move_average(const StateDict& average, const StateDict& value, double decay) {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> averages, values;
  for_each_aligned(
      [&](const at::Tensor& to, const at::Tensor& from) {
        if (to.is_floating_point()) {
          averages.push_back(to);
          values.push_back(from.detach());
        } else {
          to.copy_(from);
        }
      },
      average, value);
  at::_foreach_mul_(averages, decay);
  at::_foreach_add_(averages, values, 1 - decay);
}

constexpr std::size_t kFirstPart = 100;  // numbers of one length sort as they count

at::Tensor number(std::int64_t value) {
  return torch::tensor({value}, torch::kInt64);
}

}  // namespace

Fit::Fit(models::Model& model,
         const tasks::Task& task,
         data::Loader& loader,
         std::unique_ptr<Optimizer> optimizer,
         LoopOptions options,
         const StateDict& average)
    : model_(model),
      task_(task),
      loader_(loader),
      optimizer_(std::move(optimizer)),
      options_(std::move(options)),
      averaged_(options_.average_decay > 0 ? average : StateDict{}),
      average_(averaged_.clone()),
      loss_sum_(torch::zeros({}, at::TensorOptions(model.device()).dtype(torch::kFloat64))) {
  check(options_.epochs > 0, ErrorCode::kInvalidArgument, "[fit] expected at least one epoch");
  if (options_.proximal > 0) {
    for (const ParameterGroup& group : optimizer_->groups()) {
      for (const at::Tensor& parameter : group.parameters) {
        began_.push_back(parameter.detach().clone());
      }
    }
  }
  for (const Held& held : options_.held) {
    held_values_.push_back(held.parameter.detach().masked_select(held.which));
  }
  if (options_.precision == Precision::kFloat16 && model.device().is_cuda()) {
    scaler_.emplace();
  }
  loader_.start(0);
}

bool Fit::done() const {
  return epoch_ >= options_.epochs || (options_.max_steps > 0 && steps_ >= options_.max_steps);
}

Moment Fit::moment() const {
  return {.progress = static_cast<double>(epoch_) +
                      static_cast<double>(batch_ * loader_.options().batch_size) /
                          static_cast<double>(loader_.images()),
          .epoch = epoch_,
          .step = steps_,
          .batches = loader_.batches()};
}

std::optional<FitStep> Fit::step() {
  if (done()) {
    return std::nullopt;
  }
  const auto batch = loader_.next();
  check(batch.has_value(), ErrorCode::kInvalidArgument, "[fit] the loader ended too early");
  if (gathered_ == 0) {
    optimizer_->zero_gradients();
  }
  tasks::Loss loss = [&] {
    const models::TrainingPass pass(
        model_, options_.noise.derive("pass", {}, static_cast<std::uint64_t>(steps_)));
    const Autocast autocast(model_.device(), options_.precision);
    return task_.loss(model_, *batch);
  }();
  const Pace pace = options_.schedule(moment());
  backward(loss.total, pace, batch->size());
  loss.total = loss.total.detach();
  add_losses(loss, batch->size());
  FitStep made{.number = steps_ + 1, .images = batch->size(), .loss = std::move(loss)};
  const bool epoch_ends = batch_ + 1 == loader_.batches();
  made.learning_rate = optimizer_->groups().front().rate(pace);
  const bool last = epoch_ends || steps_ + 1 == options_.max_steps;
  if (++gathered_ >= pace.accumulate || last) {
    made.gradient_norm = update(pace);
  }
  ++steps_;
  ++batch_;
  if (epoch_ends) {
    last_epoch_loss_ = mean_loss();
    last_epoch_parts_ = mean_parts();
    loss_sum_ = torch::zeros_like(loss_sum_);
    part_sums_.clear();
    batch_ = 0;
    loader_.start(++epoch_);
  }
  return made;
}

/// Nothing waits for a device here.
void Fit::add_losses(const tasks::Loss& loss, std::int64_t images) {
  const auto weighted = [&](const at::Tensor& value) {
    return value.to(loss_sum_.options()) * static_cast<double>(images);
  };
  loss_sum_ = loss_sum_ + weighted(loss.total);
  for (const auto& [name, value] : loss.parts) {
    const auto known =
        std::ranges::find(part_sums_, name, [](const auto& part) { return part.first; });
    if (known == part_sums_.end()) {
      part_sums_.emplace_back(name, weighted(value));
    } else {
      known->second = known->second + weighted(value);
    }
  }
}

void Fit::backward(const at::Tensor& loss, const Pace& pace, std::int64_t images) {
  const auto count = static_cast<double>(images);
  // What this batch is of a step of full batches; the step's end knows what it really had.
  const double share =
      pace.accumulate > 1
          ? count / static_cast<double>(pace.accumulate * loader_.options().batch_size)
          : 1;
  gathered_share_ += share;
  const at::Tensor part = loss * (options_.sum_losses ? count : share);
  (scaler_ ? scaler_->scaled(part) : part).backward();
}

/// Gradients of a step are those of the mean over its images, however many it gathered.
void Fit::even_out() {
  const double share = std::exchange(gathered_share_, 0);
  constexpr double kRounding = 1e-9;
  if (options_.sum_losses || std::abs(share - 1) < kRounding) {
    return;
  }
  for (const ParameterGroup& group : optimizer_->groups()) {
    for (const at::Tensor& parameter : group.parameters) {
      if (at::Tensor gradient = parameter.grad(); gradient.defined()) {
        gradient.div_(share);
      }
    }
  }
}

/// Gives the norm of the gradients, if anybody wants it.
at::Tensor Fit::update(const Pace& pace) {
  gathered_ = 0;
  const bool finite = !scaler_ || scaler_->unscale(*optimizer_);
  even_out();
  if (!finite) {
    return {};
  }
  pull_back();
  for (const Held& held : options_.held) {
    if (at::Tensor gradient = held.parameter.grad(); gradient.defined()) {
      gradient.masked_fill_(held.which, 0);
    }
  }
  at::Tensor norm;
  if (options_.clip_norm > 0 || options_.measure_norm) {
    norm = optimizer_->gradient_norm();
  }
  if (options_.clip_norm > 0) {
    optimizer_->clip_gradients(norm, options_.clip_norm);
  }
  optimizer_->step(pace);
  hold();
  ++updates_;
  if (!averaged_.empty()) {
    const auto done = static_cast<double>(updates_);
    const double decay = options_.average_ramp > 0
                             ? options_.average_decay * -std::expm1(-done / options_.average_ramp)
                             : std::min(options_.average_decay, (1 + done) / (10 + done));
    move_average(average_, averaged_, decay);
  }
  return norm;
}

/// The gradient of what holds the weights near where they began.
void Fit::pull_back() {
  const torch::NoGradGuard no_grad;
  auto began = began_.begin();
  for (const ParameterGroup& group : optimizer_->groups()) {
    for (const at::Tensor& parameter : group.parameters) {
      if (began == began_.end()) {
        return;  // none is pulled
      }
      const at::Tensor away = parameter.detach() - *began++;
      if (at::Tensor gradient = parameter.grad(); gradient.defined()) {
        gradient.add_(away, options_.proximal);
      }
    }
  }
}

/// Without a gradient an optimiser may still shrink a weight.
void Fit::hold() {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < held_values_.size(); ++i) {
    const auto& [parameter, which] = options_.held[i];
    at::Tensor(parameter).masked_scatter_(which, held_values_[i]);
  }
}

std::int64_t Fit::seen_images() const {
  return std::min(batch_ * loader_.options().batch_size, loader_.images());
}

double Fit::mean_loss() const {
  const std::int64_t seen = seen_images();
  return seen == 0 ? last_epoch_loss_ : loss_sum_.item<double>() / static_cast<double>(seen);
}

Metrics Fit::mean_parts() const {
  const std::int64_t seen = seen_images();
  if (seen == 0) {
    return last_epoch_parts_;
  }
  Metrics means;
  for (const auto& [name, sum] : part_sums_) {
    means.set(name, sum.item<double>() / static_cast<double>(seen));
  }
  return means;
}

FitResult Fit::result() const {
  return {.num_examples = loader_.images(), .steps = steps_, .loss = last_epoch_loss_};
}

StateDict Fit::state() const {
  check(gathered_ == 0, ErrorCode::kInvalidArgument, "[fit] gradients wait for their step");
  std::vector<StateDict::Entry> entries{
      {"fit.epoch", number(epoch_)},
      {"fit.batch", number(batch_)},
      {"fit.steps", number(steps_)},
      {"fit.updates", number(updates_)},
      {"fit.loss_sum", loss_sum_.cpu().reshape({1})},
      {"fit.last_epoch_loss", torch::tensor({last_epoch_loss_}, torch::kFloat64)}};
  const auto add_part = [&](const char* of, std::size_t index, const std::string& name,
                            const at::Tensor& value) {  // the number keeps their order
    entries.emplace_back(str("fit.", of, '.', kFirstPart + index, '.', name),
                         value.to(torch::kFloat64).reshape({1}));
  };
  for (std::size_t i = 0; i < part_sums_.size(); ++i) {
    add_part("part", i, part_sums_[i].first, part_sums_[i].second.cpu());
  }
  std::size_t next = 0;
  for (const auto& [name, value] : last_epoch_parts_) {
    add_part("last_part", next++, name, torch::tensor(value, torch::kFloat64));
  }
  for (const auto& [name, tensor] : optimizer_->state()) {
    entries.emplace_back("optimizer." + name, tensor);
  }
  for (const auto& [name, tensor] : average_.clone()) {
    entries.emplace_back("average." + name, tensor);
  }
  if (scaler_) {
    for (const auto& [name, tensor] : scaler_->state()) {
      entries.emplace_back("scaler." + name, tensor);
    }
  }
  return StateDict(std::move(entries));
}

void Fit::restore(const StateDict& state) {
  const auto whole = [&](const char* name) { return state.at(name).item<std::int64_t>(); };
  epoch_ = whole("fit.epoch");
  batch_ = whole("fit.batch");
  steps_ = whole("fit.steps");
  updates_ = whole("fit.updates");
  gathered_ = 0;
  loss_sum_ = state.at("fit.loss_sum").reshape({}).to(loss_sum_.options(), false, /*copy=*/true);
  last_epoch_loss_ = state.at("fit.last_epoch_loss").item<double>();
  part_sums_.clear();
  for (const auto& [name, sum] : part_of(state, "fit.part.")) {
    part_sums_.emplace_back(name.substr(name.find('.') + 1),
                            sum.reshape({}).to(loss_sum_.options(), false, /*copy=*/true));
  }
  last_epoch_parts_ = {};
  for (const auto& [name, value] : part_of(state, "fit.last_part.")) {
    last_epoch_parts_.set(name.substr(name.find('.') + 1), value.item<double>());
  }
  optimizer_->restore(part_of(state, "optimizer."));
  copy_values_(average_, part_of(state, "average."));
  if (const StateDict saved = part_of(state, "scaler."); scaler_ && !saved.empty()) {
    scaler_->restore(saved);
  }
  loader_.start(epoch_, batch_);
}

}  // namespace lorae::training
