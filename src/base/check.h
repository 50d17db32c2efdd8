// Checks for our own mistakes: print and abort. Never reachable by input from outside (that is starnest::Error).
#pragma once

namespace starnest {

[[noreturn]] void check_failed(const char* condition, const char* message, const char* file, int line);

}  // namespace starnest

#define SN_CHECK(condition, message) \
  ((condition) ? void(0) : ::starnest::check_failed(#condition, message, __FILE__, __LINE__))

// For inner loops: compiled away in release builds.
#ifdef NDEBUG
#define SN_DCHECK(condition, message) void(0)
#else
#define SN_DCHECK(condition, message) SN_CHECK(condition, message)
#endif
