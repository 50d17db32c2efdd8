// The resident weights as a model.
#pragma once

#include "engine/weights.h"
#include "model/model.h"

namespace starnest {

// A model of the sizes that are resident, on views into `weights`: valid until its next load or drop.
Model build_model(const Weights& weights);

}  // namespace starnest
