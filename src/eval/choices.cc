#include "eval/choices.h"

#include <algorithm>

#include "base/text.h"
#include "eval/likelihood.h"
#include "format/text/csv.h"
#include "starnest/error.h"

namespace starnest {
namespace {

char letter(size_t choice) { return char('A' + choice); }

std::string with_choices(const ChoiceQuestion& question) {
  std::string text = question.question;
  for (size_t c = 0; c < question.choices.size(); ++c)
    text.append("\n").append(1, letter(c)).append(". ").append(question.choices[c]);
  return text + "\nAnswer:";
}

size_t common_prefix(const std::vector<std::vector<TokenId>>& texts) {
  size_t length = texts.front().size();
  for (const auto& text : texts) {
    const auto [end, other] = std::mismatch(text.begin(), text.end(), texts.front().begin(), texts.front().end());
    length = std::min(length, size_t(end - text.begin()));
  }
  return length;
}

}  // namespace

std::vector<ChoiceQuestion> read_choice_questions(const std::filesystem::path& file) {
  std::vector<ChoiceQuestion> questions;
  for (const TableRow& row : read_table(LineReader(file), kCsv)) {
    const std::vector<std::string>& record = row.fields;
    const std::string where = file.string() + ":" + std::to_string(row.line);
    if (record.size() < 4)
      throw Error({.where = where,
                   .what = "has too few fields",
                   .expected = "a question, at least two choices, and a letter",
                   .got = std::to_string(record.size()) + " fields"});
    ChoiceQuestion question{record.front(), {record.begin() + 1, record.end() - 1}};
    const std::string& answer = record.back();
    question.answer = answer.size() == 1 ? size_t(answer[0] - 'A') : question.choices.size();
    if (question.answer >= question.choices.size())
      throw Error({.where = where,
                   .what = "names no choice",
                   .expected = std::string("A to ") + letter(question.choices.size() - 1),
                   .got = in_quotes(answer)});
    questions.push_back(std::move(question));
  }
  if (questions.empty()) throw Error(file.string(), "holds no questions");
  return questions;
}

std::string choice_prompt(const std::string& subject, const std::vector<ChoiceQuestion>& shots,
                          const ChoiceQuestion& question) {
  std::string text = "The following are multiple choice questions (with answers) about " + subject + ".\n\n";
  for (const ChoiceQuestion& shot : shots)
    text.append(with_choices(shot)).append(" ").append(1, letter(shot.answer)).append("\n\n");
  return text + with_choices(question);
}

size_t likeliest_choice(const Family& family, const std::string& size, const std::string& subject,
                        const std::vector<ChoiceQuestion>& shots, const ChoiceQuestion& question, TokenId start) {
  const std::string prompt = choice_prompt(subject, shots, question);
  std::vector<std::vector<TokenId>> texts;
  for (size_t c = 0; c < question.choices.size(); ++c)
    texts.push_back(encode_after(family, prompt + " " + letter(c), start));
  const std::vector<double> scores = log_likelihoods_after(family, size, texts, common_prefix(texts));
  return size_t(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

}  // namespace starnest
