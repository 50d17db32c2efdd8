// What slice, quantize and export say while they work.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/progress.h"
#include "program/interrupt.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace starnest::cli {

// A bar that Ctrl-C ends, and notes above it. Outlives the functions that it hands out.
class Conversion {
 public:
  explicit Conversion(std::string task) : task_(std::move(task)), bar_(task_) {}
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;

  Progress progress() {
    return [this](uint64_t done, uint64_t total) {
      Interrupt::check(task_);
      bar_.update(done, total);
    };
  }
  std::function<void(const std::string&)> note() {
    return [this](const std::string& text) {
      bar_.clear();
      print(stderr, "starnest: note: %s\n", text.c_str());
    };
  }
  void end() { bar_.clear(); }

 private:
  const Interrupt interrupt_;
  std::string task_;
  ProgressBar bar_;
};

}  // namespace starnest::cli
