// What every combination of widths costs, and how far it is from the parent without any training.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "train/router/chains.h"

namespace starnest::train {

struct CellSettings {
  std::string model;                       // folder with the sorted parent
  std::string out;                         // JSON lines to write
  std::vector<std::string> choices = {};   // KEY=WIDTH,WIDTH,...
  std::vector<int> drop = {0};             // numbers of blocks to drop
  std::vector<int> drop_order = {};        // blocks, the first to go first
  double least = 0;                        // cost of the cells that are measured, part of the full model's active
  double most = 1;                         // parameters
  std::vector<std::string> families{"r"};  // task families
  int problems = 200;                      // of the development split
  int threads = 1;

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("model", &CellSettings::model, "folder with the sorted parent");
    field("out", &CellSettings::out, "JSON lines to write");
    field("choice", &CellSettings::choices, "KEY=WIDTH,WIDTH,... to choose from, the full width first; repeat");
    field("drop", &CellSettings::drop, "numbers of blocks to drop to choose from, from 0");
    field("drop_order", &CellSettings::drop_order, "blocks in the order in which they go (scores.json: dropped)");
    field("least", &CellSettings::least, "least cost that is measured, part of the full model's active parameters");
    field("most", &CellSettings::most, "most cost that is measured");
    field("families", &CellSettings::families, "task families");
    field("problems", &CellSettings::problems, "problems of the development split");
    field("threads", &CellSettings::threads, "threads of LibTorch");
  }
};

struct MeasuredCell {
  Cell cell;
  std::string size;     // as --size has it after the name; empty for the full model
  std::string source;   // content of the model, families and problems
  double cost = 0;      // part of the full model's active parameters
  double kl = 0;        // mean over the sets of the development metric, nats per completion position
  double accuracy = 0;  // long traces whole, in [0, 1]
};

// A line per cell. Until all are there the file is called OUT.partial, and a stopped job goes on with it. Throws Error
// for bad settings.
void measure_cells(const CellSettings& settings, const Progress& progress = {});

std::vector<MeasuredCell> read_cells(const std::string& file);

}  // namespace starnest::train
