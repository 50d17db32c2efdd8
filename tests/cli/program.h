// Runs the built programs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/test_support.h"

namespace starnest {

struct Finished {
  int exit_code = -1;  // 128 + signal for a program that a signal ended
  std::string out;
  std::string err;
};

// Waits for the end. The program reads `input` from standard input.
Finished starnest_program(const std::vector<std::string>& arguments, const std::string& input = {});
Finished built_program(const std::string& name, const std::vector<std::string>& arguments,
                       const std::string& input = {});  // another one of the build

std::string file_text(const std::filesystem::path& path);
void put_file(const std::filesystem::path& path, const std::string& text);
std::filesystem::path in_tests(const std::string& path);  // a path inside tests/

// A copy of tests/golden/mixed_bf16, which has two shards and the sizes full, mid and small.
void copy_family(const std::filesystem::path& to);

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

}  // namespace starnest
