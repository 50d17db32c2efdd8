// Prints every instruction set that the kernels know and whether this machine has it, ascending: "avx2 yes".
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "kernels/cpu/isa.h"

int main() {
  const std::vector<starnest::Isa> available = starnest::available_isas();
  for (const starnest::Isa set : starnest::known_isas()) {
    const bool has = std::find(available.begin(), available.end(), set) != available.end();
    std::printf("%s %s\n", std::string(starnest::name_of(set)).c_str(), has ? "yes" : "no");
  }
}
