// One family in memory, one size thinks, another answers.
//
//   think_and_answer MODEL_FOLDER [QUESTION [THINK_SIZE ANSWER_SIZE]]
#include <cstdio>
#include <string>

#include <starnest/session.h>

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3 && argc != 5) {
    std::fprintf(stderr, "usage: %s MODEL_FOLDER [QUESTION [THINK_SIZE ANSWER_SIZE]]\n", argv[0]);
    return 2;
  }
  try {
    const starnest::Family family = starnest::Family::open(argv[1]);
    for (const starnest::SizeInfo& size : family.sizes())
      std::printf("size %s: %llu parameters\n", size.name.c_str(), static_cast<unsigned long long>(size.parameters));

    starnest::Plan plan = family.default_plan();
    if (argc == 5) plan.stages = starnest::think_and_answer(argv[3], argv[4]);
    const std::string question = argc > 2 ? argv[2] : "r:a5b+3c*7d-2?";
    starnest::Session session(family);
    const starnest::Answer answer = session.ask(family.prompt(question), {.plan = plan});

    std::printf("%s thinks:  %s\n", plan.stages.front().size.c_str(), answer.thinking.c_str());
    std::printf("%s answers: %s\n", plan.stages.back().size.c_str(), answer.answer.c_str());
    return answer.complete() ? 0 : 1;
  } catch (const starnest::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
