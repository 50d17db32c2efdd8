// The resident weights as a model.
#pragma once

#include "engine/weights.h"
#include "model/model.h"

namespace starnest {

// A model of the sizes that are resident, on views into `weights`: valid until its next load or drop.
// Sequences of the model keep keys and values as `kv_dtype`: F32, BF16 or F8_E4M3.
Model build_model(const Weights& weights, DType kv_dtype);

}  // namespace starnest
