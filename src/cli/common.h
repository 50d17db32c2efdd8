// What several subcommands share.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "arch/family_spec.h"
#include "base/output.h"
#include "engine/engine.h"
#include "format/json/jsonl.h"
#include "starnest/family.h"

namespace starnest::cli {

// -m DIR and --elastic FILE.
struct ModelOptions {
  std::string model;                   // a folder, or an id in the local cache
  std::string elastic;                 // used in place of the folder's elastic.json
  std::string device{kDefaultDevice};  // where commands that compute do it
};
void add_model_options(CLI::App& command, ModelOptions& options);
void add_device_option(CLI::App& command, ModelOptions& options);
FamilySpec open_family(const ModelOptions& options);                // prints its notices
Family open_model(const ModelOptions& model, OpenOptions options);  // the same, with weights
void print_notices(const std::vector<std::string>& notices);

// The files that the options name for reading, for check_outputs.
std::vector<NamedPath> inputs_of(const ModelOptions& options);
std::vector<NamedPath> model_inputs(const std::string& flag, const std::string& model);  // -m and the like
// What the model is, whatever it is called: into settings and reports.
void set_fingerprint(JsonLine& line, const ModelOptions& options);

// --sizes NAME,NAME or auto. `what` they are, and what is taken when none is given.
void add_sizes_option(CLI::App& command, std::vector<std::string>& sizes, const std::string& what,
                      const std::string& by_default);

// --ids 1,2,3. Anything but whole numbers separated by commas is a usage error.
CLI::Option* add_ids_option(CLI::App& command, std::vector<TokenId>& ids, const std::string& help);

// Aligned text: the first column to the left, the others to the right. Rows may be shorter than the widest one.
std::string table_text(std::vector<std::vector<std::string>> rows);

}  // namespace starnest::cli
