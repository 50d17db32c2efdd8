# SPDX-License-Identifier: Apache-2.0
"""Renders conversations with jinja2 from a template of the Nemotron 3 chat format, one JSON line each.

Usage: make_chat_goldens.py OUT.jsonl      {"name", "messages", "enable_thinking", "truncate", "rendered"}

The template is written from the description of the format (system turn always, thinking tags, history without
thinking), not copied from a model; tools are left out.
"""

import json
import sys
from pathlib import Path
from typing import Any

import jinja2

TEMPLATE = """\
{%- set first_is_system = messages[0]['role'] == 'system' -%}
{{- '<|im_start|>system\\n' + (messages[0]['content'] if first_is_system else '') + '<|im_end|>\\n' -}}
{%- set ns = namespace(last_user=0) -%}
{%- for message in messages -%}
  {%- if message['role'] == 'user' -%}{%- set ns.last_user = loop.index0 -%}{%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
  {%- if loop.index0 == 0 and first_is_system -%}
  {%- elif message['role'] != 'assistant' -%}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}
  {%- else -%}
    {%- set content = message['content'] -%}
    {%- if message['reasoning_content'] is defined and message['reasoning_content'] -%}
      {%- set content = '<think>\\n' + message['reasoning_content'] + '\\n</think>\\n' + content -%}
    {%- elif '<think>' not in content and '</think>' not in content -%}
      {%- set content = '<think></think>' + content -%}
    {%- endif -%}
    {%- if truncate_history_thinking and loop.index0 < ns.last_user -%}
      {%- if '<think>' in content and '</think>' in content -%}
        {%- set content = '<think></think>' + content.split('</think>')[-1] -%}
      {%- endif -%}
    {%- endif -%}
    {{- '<|im_start|>assistant\\n' + content | trim + '<|im_end|>\\n' -}}
  {%- endif -%}
{%- endfor -%}
{{- '<|im_start|>assistant\\n' -}}
{{- '<think>\\n' if enable_thinking else '<think></think>' -}}
"""


def message(role: str, content: str, reasoning: str = "") -> dict[str, str]:
    return {"role": role, "content": content} | ({"reasoning_content": reasoning} if reasoning else {})


USER = message("user", "What is 2 + 2?")
THOUGHT = message("assistant", "It is 4.", "Two and two\nmake four.")
TAGGED = message("assistant", "<think>\nfour\n</think>\n\n  It is 4.  ")
AGAIN = message("user", "And 3 + 3?")
SYSTEM = message("system", "You are brief.")

# name, messages, enable_thinking, truncate_history_thinking
CONVERSATIONS: list[tuple[str, list[dict[str, str]], bool, bool]] = [
    ("one question", [USER], True, True),
    ("one question, no thinking", [USER], False, True),
    ("a system message", [SYSTEM, USER], True, True),
    ("earlier thinking is cut", [USER, THOUGHT, AGAIN], True, True),
    ("earlier thinking is kept", [USER, THOUGHT, AGAIN], True, False),
    ("thinking given as tags is cut", [SYSTEM, USER, TAGGED, AGAIN], True, True),
    ("thinking given as tags is kept", [SYSTEM, USER, TAGGED, AGAIN], False, False),
    ("an answer without thinking", [USER, message("assistant", "\n4\n"), AGAIN], True, True),
    ("the last answer keeps its thinking", [USER, THOUGHT], True, True),
    ("a second system message", [SYSTEM, USER, THOUGHT, message("system", "Be long."), AGAIN], True, True),
    ("a tag that was never closed", [USER, message("assistant", "<think>\nhm"), AGAIN], True, True),
    ("white space, other scripts and empty text", [message("user", "  \n"), message("assistant", ""), message("user", "你好\n\n")], False, True),
]


def lines() -> list[str]:
    template = jinja2.Environment().from_string(TEMPLATE)
    out: list[str] = []
    for name, messages, think, truncate in CONVERSATIONS:
        rendered = template.render(messages=messages, enable_thinking=think, truncate_history_thinking=truncate)
        entry: dict[str, Any] = {"name": name, "messages": messages, "enable_thinking": think}
        out.append(json.dumps(entry | {"truncate": truncate, "rendered": rendered}, ensure_ascii=False))
    return out


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join(lines()) + "\n", encoding="utf-8")
