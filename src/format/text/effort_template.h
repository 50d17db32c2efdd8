// The prompt format of the models that this project trains, in one place: chat_template.jinja says it to other tools,
// the engine renders it natively when it finds exactly this template.
//
//   <bos> last message, e.g. "r:a5b+3c*7?" <effort: e0, e1 or e2> <think>
#pragma once

#include <string_view>

namespace starnest {

inline constexpr std::string_view kEffortTemplate =
    "<bos>{{ messages[-1]['content'] }}<{{ effort | default('e2') }}>"
    "{% if add_generation_prompt %}<think>{% endif %}";

}  // namespace starnest
