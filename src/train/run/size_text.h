// The text of a size on the command line.
#pragma once

#include <string>

#include "format/json/elastic_json.h"

namespace starnest::train {

// One --size as an entry of elastic.json: "NAME" is the full model, "NAME:KEY=VALUE,..." has its keys. Lists (per
// block, and layers) are written 0+1+3. Throws Error.
ElasticSize parse_size(const std::string& text);

// What follows the name and its colon; empty for the full model.
std::string size_text(const ElasticSize& size);

}  // namespace starnest::train
