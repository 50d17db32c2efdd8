// The prompt format of the models that this project trains, in one place: chat_template.jinja says it to other tools,
// the engine renders it natively when it finds exactly this template.
//
//   <bos> question <eN> <think>
#pragma once

#include <string_view>

namespace starnest {

inline constexpr std::string_view kEffortTemplate =
    "{{- '<bos>' + messages[-1]['content'] + '<' + (reasoning_effort | default('e2')) + '>' -}}\n"
    "{%- if add_generation_prompt -%}{{- '<think>' -}}{%- endif -%}\n";

}  // namespace starnest
