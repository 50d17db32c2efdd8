// The one exception type of the library: bad input from outside (file, request, flag).
//
// what() is a complete message of up to five parts:
//   where: what was wrong; expected ..., got .... What to do.
// Programming mistakes abort (SN_CHECK); expected outcomes are return values; neither ends up here.
#pragma once

#include <stdexcept>
#include <string>

namespace starnest {

struct ErrorParts {
  std::string where = {};     // file, flag or field, e.g. "model.safetensors: tensor 'lm_head.weight'"
  std::string what = {};      // what is wrong, e.g. "wrong shape"
  std::string expected = {};  // optional
  std::string got = {};       // optional
  std::string hint = {};      // optional: what the user can do, a sentence without its full stop
};

class Error : public std::runtime_error {
 public:
  explicit Error(ErrorParts parts);
  Error(std::string where, std::string what) : Error(ErrorParts{std::move(where), std::move(what), {}, {}, {}}) {}

  const ErrorParts& parts() const { return parts_; }

 private:
  ErrorParts parts_;
};

}  // namespace starnest
