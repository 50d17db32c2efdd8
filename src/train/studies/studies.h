// One function per study; make_study() picks.
#pragma once

#include <memory>

#include "train/studies/study.h"

namespace starnest::train {

std::unique_ptr<Study> widths_study(const StudySettings& settings);
std::unique_ptr<Study> twins_study(const StudySettings& settings);
std::unique_ptr<Study> depth_study(const StudySettings& settings);
std::unique_ptr<Study> search_study(const StudySettings& settings);

}  // namespace starnest::train
