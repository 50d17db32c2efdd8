// Multiple choice by log-probability: the model never writes, the likeliest choice counts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/dims.h"
#include "starnest/family.h"

namespace starnest {

struct ChoiceQuestion {
  std::string question;
  std::vector<std::string> choices;  // A, B, C, ...
  size_t answer = 0;                 // index of the right one
};

// Records of question, choices and the letter of the right one, without a header (the files of MMLU, Hendrycks et al.
// 2021). Throws Error naming the line that is not so.
std::vector<ChoiceQuestion> read_choice_questions(const std::filesystem::path& file);

// The text that the letter of the answer follows, in MMLU's own words: a line that names the subject, `shots` with
// their answers, and the question.
std::string choice_prompt(const std::string& subject, const std::vector<ChoiceQuestion>& shots,
                          const ChoiceQuestion& question);

// The index of the likeliest letter after the question's prompt, the first of equal ones. What the letters' texts have
// in common is read once. `start`: a token to read first, or -1.
size_t likeliest_choice(const Family& family, const std::string& size, const std::string& subject,
                        const std::vector<ChoiceQuestion>& shots, const ChoiceQuestion& question, TokenId start);

}  // namespace starnest
